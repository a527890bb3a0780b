"use strict";
// The live view of one series: fetches the answer when it changes, shows the scan that is chosen.
(function () {
  const id = document.getElementById("series").dataset.id;
  const api = `/api/v1/series/${id}`;
  const byId = (name) => document.getElementById(name);
  let view = null; // what is drawn
  let tag = ""; // of the view that is drawn
  let asked = 0; // number of the newest question for a scan
  let refreshing = false;
  let again = false;

  async function refresh() {
    if (refreshing) { again = true; return; }
    refreshing = true;
    try {
      const [series, words] = await Promise.all([fetch(api).then((answer) => answer.json()), fetch(`/series/${id}/answer`)]);
      if (words.ok) replaceWords(await words.text());
      if (series.answered) await redraw();
      tellState(series);
    } catch {
      byId("live").textContent = "the service does not answer";
    } finally {
      refreshing = false;
      if (again) { again = false; refresh(); }
    }
  }

  async function redraw() {
    const answer = await fetch(`${api}/view`, { headers: tag ? { "if-none-match": tag } : {} });
    if (answer.status !== 200 || answer.headers.get("etag") === tag) return;
    tag = answer.headers.get("etag");
    view = await answer.json();
    drawAll();
  }

  function tellState(series) {
    byId("count").textContent = `${series.scans} scan${series.scans === 1 ? "" : "s"}${series.unreadable ? `, ${series.unreadable} unreadable` : ""}`;
    const state = !series.scans ? "empty" : series.settled ? "up to date" : "being followed";
    if (byId("state").textContent !== state) byId("state").textContent = state;
    byId("series").dataset.revision = series.tracked;
    byId("series").dataset.settled = series.settled && series.answered;
  }

  function replaceWords(html) {
    const place = byId("answer");
    if (place.dataset.html === html) return;
    const open = [...place.querySelectorAll("details")].map((details) => details.open);
    place.dataset.html = html;
    place.innerHTML = html; // rendered by this service's templates, every text in it escaped
    place.querySelectorAll("details").forEach((details, i) => { details.open = Boolean(open[i]); });
  }

  function drawAll() {
    byId("no-plots").hidden = view.plots.length > 0;
    Plots.ids().filter((name) => /^plot-/.test(name) && Number(name.slice(5)) >= view.plots.length).forEach(Plots.remove);
    view.plots.forEach((figure, i) => Plots.show(byId("plots"), `plot-${i}`, figure));
    drawMore();
    byId("scan-section").hidden = view.scans.length === 0;
    const slider = byId("scan-slider");
    const follows = Number(slider.value) === Number(slider.max) && slider.dataset.chosen !== "yes";
    slider.max = Math.max(view.scans.length - 1, 0);
    if (follows) { slider.value = slider.max; tellScan(); }
  }

  function drawMore() {
    const place = byId("more");
    byId("more-section").hidden = view.more.length === 0;
    view.more.forEach((one, i) => {
      let details = place.children[i];
      if (!details) {
        details = document.createElement("details");
        details.append(document.createElement("summary"));
        details.addEventListener("toggle", () => { if (details.open) Plots.show(details, `more-${i}`, view.more[i].plot); });
        place.append(details);
      }
      details.querySelector("summary").textContent = one.name.charAt(0).toUpperCase() + one.name.slice(1);
      if (details.open) Plots.show(details, `more-${i}`, one.plot);
    });
    while (place.children.length > view.more.length) { Plots.remove(`more-${place.children.length - 1}`); place.lastElementChild.remove(); }
  }

  // More of the map where a person looks closer.
  function zoomed(source, whole) {
    const place = byId(source);
    const figure = Plots.figure(source);
    const heat = figure.data[0];
    if (!heat || heat.type !== "heatmap" || !heat.y) return;
    const x = place.layout.xaxis.range;
    const y = place.layout.yaxis.range;
    if (whole) { Plotly.restyle(place, { x: [heat.x], y: [heat.y], z: [heat.z] }, [0]); return; }
    const [low, high] = [Math.min(...y), Math.max(...y)].map((angle) => Math.min(Math.max(angle, 0), 180));
    const window_ = new URLSearchParams({ start: x[0], end: x[1], low, high });
    fetch(`${api}/map?${window_}`).then((answer) => (answer.ok ? answer.json() : null)).then((part) => {
      if (part !== null && part.z.length) Plotly.restyle(place, { x: [part.x], y: [part.y], z: [part.z] }, [0]);
    });
  }

  function clicked(x) {
    const found = view.scans.findIndex((scan) => x >= scan.low && x < scan.high);
    if (found >= 0) chooseScan(found);
  }

  function tellScan() {
    const slider = byId("scan-slider");
    const scan = view.scans[Number(slider.value)];
    byId("scan-name").textContent = scan ? scan.name : "";
    if (scan) slider.setAttribute("aria-valuetext", scan.name);
  }

  function chooseScan(number) {
    const slider = byId("scan-slider");
    slider.value = number;
    slider.dataset.chosen = "yes";
    tellScan();
    showScan(view.scans[number]);
  }

  async function showScan(scan) {
    asked += 1;
    const mine = asked;
    Plots.choose(scan.low, scan.high);
    byId("scan-words").textContent = `Looking at ${scan.name} …`;
    const name = encodeURIComponent(scan.name);
    const [plot, words] = await Promise.all([fetch(`${api}/scans/${name}/view`), fetch(`/series/${id}/scan/${name}`)]);
    if (mine !== asked) return;
    byId("scan-words").innerHTML = words.ok ? await words.text() : "";
    if (!words.ok) byId("scan-words").textContent = await Upload.sentence(words);
    const found = plot.ok ? (await plot.json()).plot : null;
    if (found) Plots.show(byId("scan-plot"), "scan", found); else Plots.remove("scan");
    byId("series").dataset.scan = scan.name;
  }

  function listen() {
    const stream = new EventSource(`${api}/stream`);
    const soon = () => { window.clearTimeout(listen.timer); listen.timer = window.setTimeout(refresh, 60); };
    stream.addEventListener("hello", () => { byId("live").textContent = "live"; soon(); });
    for (const kind of ["file", "track", "alarm", "job", "series", "harmful"]) stream.addEventListener(kind, soon);
    stream.addEventListener("progress", (event) => {
      const { done, total } = JSON.parse(event.data);
      if (total) byId("state").textContent = `following: ${done} of ${total}`;
    });
    stream.onerror = () => { byId("live").textContent = "not connected; trying again"; };
  }

  Plots.on({ click: clicked, zoom: zoomed });
  byId("scan-slider").addEventListener("input", tellScan);
  byId("scan-slider").addEventListener("change", (event) => chooseScan(Number(event.target.value)));
  byId("earlier").addEventListener("click", () => chooseScan(Math.max(Number(byId("scan-slider").value) - 1, 0)));
  byId("later").addEventListener("click", () => chooseScan(Math.min(Number(byId("scan-slider").value) + 1, Number(byId("scan-slider").max))));
  Upload.bind(byId("upload"), id);
  refresh();
  listen();
})();
