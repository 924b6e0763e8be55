// Draws the charts of a page with Bokeh, in the reader's colours, again when the page was renewed. One drawing a chart at a time.
"use strict";
(() => {
  const dark = matchMedia("(prefers-color-scheme: dark)");
  const views = new Map();
  const busy = new Set();
  const waiting = new Set();
  let serial = 0;

  function forget(figure) {
    const old = views.get(figure);
    if (!old) return;
    views.delete(figure);
    old.clear();
    const known = window.Bokeh.documents.indexOf(old);
    if (known >= 0) window.Bokeh.documents.splice(known, 1);
  }

  async function draw(figure) {
    const plot = figure.querySelector(".plot");
    const theme = dark.matches ? "dark" : "light";
    const url = figure.dataset.chart + (figure.dataset.chart.includes("?") ? "&" : "?") + "theme=" + theme;
    const target = document.createElement("div");
    target.id = "plot-" + (serial += 1);
    target.className = "next";
    try {
      const answer = await fetch(url, { credentials: "same-origin", signal: AbortSignal.timeout(60000) });
      if (!answer.ok) throw new Error(String(answer.status));
      const item = await answer.json();
      plot.append(target);
      const drawn = await window.Bokeh.embed.embed_item(item, target.id);
      forget(figure);
      plot.replaceChildren(target);
      target.className = "";
      plot.dataset.drawn = theme;
      views.set(figure, [...drawn.roots][0].model.document);
    } catch (error) {
      target.remove();
      if (views.has(figure)) return;  // the drawing before is better than none
      const note = document.createElement("p");
      note.className = "quiet";
      note.textContent = "The chart could not be drawn (" + error.message + "); the tables hold the same. It is tried again.";
      plot.replaceChildren(note);
    }
  }

  async function renew(figure) {
    if (busy.has(figure)) { waiting.add(figure); return; }
    busy.add(figure);
    await draw(figure);
    busy.delete(figure);
    if (waiting.delete(figure)) renew(figure);
  }

  const all = () => document.querySelectorAll("[data-chart]").forEach(renew);
  let last = 0;
  document.addEventListener("seamwatch:renewed", () => {
    if (Date.now() - last > 10000) { last = Date.now(); all(); }
  });
  dark.addEventListener("change", all);
  all();
})();
