// Draws the charts of a page with Bokeh, in the reader's colours, again when the page was renewed.
"use strict";
(() => {
  const dark = matchMedia("(prefers-color-scheme: dark)");
  const views = new Map();

  async function draw(figure, number) {
    const plot = figure.querySelector(".plot");
    const url = figure.dataset.chart + (figure.dataset.chart.includes("?") ? "&" : "?") + "theme=" + (dark.matches ? "dark" : "light");
    try {
      const answer = await fetch(url, { credentials: "same-origin" });
      if (!answer.ok) throw new Error(String(answer.status));
      const item = await answer.json();
      const target = document.createElement("div");
      target.id = "plot-" + number + "-" + Date.now();
      target.className = "next";
      plot.append(target);
      const drawn = await window.Bokeh.embed.embed_item(item, target.id);
      [...plot.children].forEach((one) => { if (one !== target) one.remove(); });
      target.className = "";
      plot.dataset.drawn = "yes";
      const old = views.get(figure);
      if (old) {
        old.clear();
        const known = window.Bokeh.documents.indexOf(old);
        if (known >= 0) window.Bokeh.documents.splice(known, 1);
      }
      views.set(figure, [...drawn.roots][0].model.document);
    } catch (error) {
      const note = document.createElement("p");
      note.className = "quiet";
      note.textContent = "The chart could not be drawn (" + error.message + "); the table below holds the same.";
      plot.replaceChildren(note);
    }
  }
  const all = () => document.querySelectorAll("[data-chart]").forEach((figure, number) => draw(figure, number));
  let last = 0;
  document.addEventListener("seamwatch:renewed", () => {
    if (Date.now() - last > 10000) { last = Date.now(); all(); }
  });
  dark.addEventListener("change", all);
  all();
})();
