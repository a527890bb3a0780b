"use strict";
// Draws the figures that a worker has made, in the colours of the page; those of one group zoom together.
const Plots = (function () {
  const dark = window.matchMedia("(prefers-color-scheme: dark)");
  const config = { responsive: true, displaylogo: false, modeBarButtons: [["zoom2d", "pan2d", "zoomIn2d", "zoomOut2d", "resetScale2d", "toImage"]] };
  const drawn = new Map(); // element id → figure as it came
  const log = new Set(); // ids drawn with a logarithmic axis
  let listeners = { click: () => {}, zoom: () => {} };
  let chosen = null; // [low, high] of the scan that is shown
  let moving = false;

  function colour(name) {
    return getComputedStyle(document.documentElement).getPropertyValue(name).trim();
  }

  function themed(figure) {
    let text = JSON.stringify(figure);
    if (dark.matches) text = text.replaceAll("#0072B2", "#4da6e0"); // the deep blue is lost on black
    const plot = JSON.parse(text.replaceAll('"@ink"', JSON.stringify(colour("--ink"))));
    const layout = plot.layout;
    layout.paper_bgcolor = layout.plot_bgcolor = "rgba(0,0,0,0)";
    layout.font = { family: "system-ui, sans-serif", size: 12, color: colour("--ink") };
    layout.hoverlabel = { bgcolor: colour("--card"), bordercolor: colour("--line"), font: { color: colour("--ink") } };
    layout.modebar = { bgcolor: "rgba(0,0,0,0)", color: colour("--soft"), activecolor: colour("--ink") };
    for (const key of Object.keys(layout)) {
      if (/^[xy]axis/.test(key)) Object.assign(layout[key], { gridcolor: colour("--line"), linecolor: colour("--soft"), tickcolor: colour("--soft") });
    }
    return plot;
  }

  function marked(shapes) {
    const kept = (shapes || []).filter((shape) => shape.name !== "chosen");
    if (chosen === null) return kept;
    const middle = (chosen[0] + chosen[1]) / 2;
    return kept.concat([{ name: "chosen", type: "line", xref: "x", yref: "paper", x0: middle, x1: middle, y0: 0, y1: 1, line: { color: colour("--bad"), width: 1.5, dash: "dot" } }]);
  }

  function draw(id) {
    const place = document.getElementById(id);
    if (place === null || place.offsetParent === null) return;
    const plot = themed(drawn.get(id));
    const small = place.clientWidth < 560;
    if (small) plot.layout.margin = Object.assign({}, plot.layout.margin, { l: plot.layout.margin.l - 12, r: 56 });
    if (small && plot.layout.yaxis2 && plot.layout.yaxis2.overlaying) plot.layout.yaxis2.title.text = ""; // the legend names it
    if (log.has(id)) plot.layout.yaxis.type = "log";
    if (plot.group) plot.layout.shapes = marked(plot.layout.shapes);
    const first = !place.classList.contains("js-plotly-plot");
    if (!first && plot.group) keepRange(place, plot);
    Plotly.react(place, plot.data, plot.layout, Object.assign({ displayModeBar: small ? false : "hover" }, config));
    if (!first || !plot.group) return;
    place.on("plotly_relayout", (change) => follow(id, plot.group, change));
    place.on("plotly_click", (event) => listeners.click(Number(event.points[0].x)));
  }

  function keepRange(place, plot) {
    // A person who has zoomed in keeps the view when a new scan comes.
    const now = place.layout.xaxis;
    if (place.dataset.zoomed === "yes") plot.layout.xaxis.range = now.range.slice();
  }

  function follow(source, group, change) {
    if (moving) return;
    const update = {};
    for (const key of ["xaxis.range[0]", "xaxis.range[1]"]) if (key in change) update[key] = change[key];
    const whole = Boolean(change["xaxis.autorange"]);
    if (whole) {
      const range = drawn.get(source).layout.xaxis.range;
      update["xaxis.range[0]"] = range[0];
      update["xaxis.range[1]"] = range[1];
    }
    listeners.zoom(source, whole);
    if (!Object.keys(update).length) return;
    moving = true;
    const places = [...drawn].filter(([id, figure]) => figure.group === group && document.getElementById(id)).map(([id]) => document.getElementById(id));
    places.forEach((place) => { place.dataset.zoomed = whole ? "no" : "yes"; });
    const others = places.filter((place) => (place.id !== source || whole) && place.classList.contains("js-plotly-plot"));
    Promise.all(others.map((place) => Plotly.relayout(place, Object.assign({}, update)))).finally(() => { moving = false; });
  }

  // The element of a figure: made once, drawn anew with each new figure of the same id.
  function show(parent, id, figure) {
    if (document.getElementById(id) === null) {
      const frame = document.createElement("figure");
      const caption = document.createElement("figcaption");
      const place = document.createElement("div");
      place.id = id;
      place.className = "plot";
      place.setAttribute("role", "figure");
      place.style.minHeight = `${figure.layout.height}px`;
      frame.append(caption, place);
      if (figure.scalable) frame.insertBefore(scaleButton(id), place);
      parent.append(frame);
    }
    const place = document.getElementById(id);
    place.setAttribute("aria-label", figure.label);
    place.style.minHeight = `${figure.layout.height}px`;
    place.parentElement.querySelector("figcaption").textContent = figure.caption;
    drawn.set(id, figure);
    draw(id);
  }

  function scaleButton(id) {
    const button = document.createElement("button");
    button.type = "button";
    button.className = "scale";
    button.textContent = "Logarithmic intensity";
    button.setAttribute("aria-pressed", String(log.has(id)));
    button.addEventListener("click", () => {
      if (log.has(id)) log.delete(id); else log.add(id);
      button.setAttribute("aria-pressed", String(log.has(id)));
      draw(id);
    });
    return button;
  }

  function choose(low, high) {
    chosen = [low, high];
    for (const [id, figure] of drawn) {
      const place = document.getElementById(id);
      if (figure.group && place && place.classList.contains("js-plotly-plot")) Plotly.relayout(place, { shapes: marked(place.layout.shapes) });
    }
  }

  function remove(id) {
    const place = document.getElementById(id);
    if (place) place.closest("figure").remove();
    drawn.delete(id);
  }

  dark.addEventListener("change", () => drawn.forEach((_, id) => draw(id)));
  return { show, remove, choose, draw, ids: () => [...drawn.keys()], figure: (id) => drawn.get(id), on: (wanted) => { listeners = Object.assign(listeners, wanted); } };
})();
