"use strict";
// Begins a series and goes to its page.
document.getElementById("new-series").addEventListener("submit", async (event) => {
  event.preventDefault();
  const problem = document.getElementById("problem");
  const given = Object.fromEntries([...new FormData(event.target)].map(([name, value]) => [name, value.trim()]).filter(([, value]) => value));
  const { name, ...options } = given;
  if ("radius" in options) options.radius = Number(options.radius.replace(",", "."));
  try {
    const answer = await fetch("/api/v1/series", { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify({ name, options }) });
    if (answer.ok) window.location.assign(`/series/${(await answer.json()).id}`);
    else problem.textContent = await Upload.sentence(answer);
  } catch {
    problem.textContent = "The service does not answer.";
  }
});
