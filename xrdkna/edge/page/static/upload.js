"use strict";
// Sends files one after the other, so that a folder of a thousand scans needs no more than one at a time, and tells how far it is.
const Upload = (function () {
  async function sentence(answer) {
    try { return (await answer.json()).detail; } catch { return `The service answered ${answer.status}.`; }
  }

  function natural(a, b) { return a.name.localeCompare(b.name, undefined, { numeric: true }); }

  // What the scans need to be understood goes first.
  function inOrder(files) {
    const beside = /(^scans\.csv|^series\.toml|^echem\.csv|\.(ndax?|mp[rt]))$/i;
    const all = [...files].filter((file) => !/^[.~]/.test(file.name)).sort(natural);
    return [...all.filter((file) => beside.test(file.name)), ...all.filter((file) => !beside.test(file.name))];
  }

  async function send(id, files, tell) {
    const wanted = inOrder(files);
    const problems = [];
    for (let i = 0; i < wanted.length; i += 1) {
      tell(i, wanted.length, problems);
      const form = new FormData();
      form.append("file", wanted[i], wanted[i].name);
      for (let tries = 0; ; tries += 1) {
        let answer = null;
        try { answer = await fetch(`/api/v1/series/${id}/scans`, { method: "POST", body: form }); } catch { answer = null; }
        if (answer !== null && answer.ok) break;
        if (answer !== null && answer.status !== 429 && answer.status < 500) { problems.push(`${wanted[i].name}: ${await sentence(answer)}`); break; }
        if (tries > 20) { problems.push(`${wanted[i].name}: the service does not answer.`); break; }
        await new Promise((resolve) => setTimeout(resolve, 500 * (tries + 1)));
      }
    }
    tell(wanted.length, wanted.length, problems);
  }

  function bind(form, id) {
    const input = form.querySelector("input[type=file]");
    const bar = form.querySelector("progress");
    const said = form.querySelector("#uploaded");
    const problem = form.querySelector(".problem");
    const tell = (done, total, problems) => {
      bar.hidden = false;
      bar.max = total;
      bar.value = done;
      said.textContent = done < total ? `${done} of ${total} files` : `${total - problems.length} of ${total} files are there`;
      problem.textContent = problems.slice(0, 3).join(" ");
    };
    const chosen = () => { if (input.files.length) send(id, input.files, tell).then(() => { input.value = ""; }); };
    input.addEventListener("change", chosen);
    chosen(); // a quick person has chosen before this script was here
    for (const kind of ["dragenter", "dragover"]) document.addEventListener(kind, (event) => { event.preventDefault(); form.classList.add("over"); });
    document.addEventListener("dragleave", (event) => { if (event.relatedTarget === null) form.classList.remove("over"); });
    document.addEventListener("drop", (event) => {
      event.preventDefault();
      form.classList.remove("over");
      dropped(event.dataTransfer).then((files) => { if (files.length) send(id, files, tell); });
    });
  }

  // A dropped folder is the files in it.
  async function dropped(transfer) {
    const entries = [...transfer.items].map((item) => (item.webkitGetAsEntry ? item.webkitGetAsEntry() : null));
    if (entries.every((entry) => entry === null || entry.isFile)) return [...transfer.files];
    const found = [];
    for (const entry of entries.filter(Boolean)) {
      if (entry.isFile) found.push(await new Promise((resolve, refuse) => entry.file(resolve, refuse)));
      else found.push(...(await filesIn(entry)));
    }
    return found;
  }

  async function filesIn(folder) {
    const reader = folder.createReader();
    const found = [];
    for (;;) {
      const part = await new Promise((resolve, refuse) => reader.readEntries(resolve, refuse));
      if (!part.length) return found;
      for (const entry of part.filter((one) => one.isFile)) found.push(await new Promise((resolve, refuse) => entry.file(resolve, refuse)));
    }
  }

  return { bind, sentence };
})();
