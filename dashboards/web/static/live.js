// Renews the parts of an open page when the server says that something changed. Text comes escaped from the server; nothing is built here.
"use strict";
(() => {
  const live = document.getElementById("live");
  const text = live && live.querySelector(".live-text");
  const say = (state, words) => {
    if (!live) return;
    live.dataset.live = state;
    text.textContent = words;
  };
  const clock = () => new Date().toISOString().slice(11, 19) + " UTC";
  let busy = false;
  let again = false;
  let timer = null;

  const focusKey = (element) => element && (element.id || element.getAttribute("href") || element.getAttribute("aria-label"));
  const findFocus = (part, key) =>
    [...part.querySelectorAll("a, button, [tabindex], summary, input")].find((one) => focusKey(one) === key);

  async function renew() {
    if (busy) { again = true; return; }
    busy = true;
    try {
      const answer = await fetch(location.href, { headers: { accept: "text/html" }, credentials: "same-origin" });
      if (!answer.ok) { say("lost", "not renewed since " + clock()); return; }
      const fresh = new DOMParser().parseFromString(await answer.text(), "text/html");
      for (const old of document.querySelectorAll("[data-part]")) {
        const part = [...fresh.querySelectorAll("[data-part]")].find((one) => one.dataset.part === old.dataset.part);
        if (!part || part.outerHTML === old.outerHTML) continue;
        if (old.contains(document.activeElement) && document.activeElement.matches("input, textarea")) continue;
        const key = old.contains(document.activeElement) ? focusKey(document.activeElement) : null;
        const scrolls = [...old.querySelectorAll(".scroll")].map((box) => box.scrollLeft);
        const open = old.matches("details") && old.open;
        const adopted = document.importNode(part, true);
        if (open) adopted.open = true;
        old.replaceWith(adopted);
        [...adopted.querySelectorAll(".scroll")].forEach((box, index) => { box.scrollLeft = scrolls[index] || 0; });
        const focus = key && findFocus(adopted, key);
        if (focus) focus.focus({ preventScroll: true });
      }
      say("on", "live, " + clock());
      document.dispatchEvent(new CustomEvent("seamwatch:renewed"));
    } catch (error) {
      say("lost", "no answer since " + clock());
    } finally {
      busy = false;
      if (again) { again = false; soon(); }
    }
  }
  function soon() {
    if (timer === null) timer = setTimeout(() => { timer = null; renew(); }, 400);
  }

  const current = document.querySelector('.top nav [aria-current]');
  if (current) current.scrollIntoView({ inline: "center", block: "nearest" });

  const worst = document.querySelector(".map .line-link.broken .line-path, .map .line-link.violating .line-path");
  const map = worst && worst.closest(".map");
  if (map && map.scrollWidth > map.clientWidth) {
    const place = worst.getBoundingClientRect();
    map.scrollLeft += place.left + place.width / 2 - map.getBoundingClientRect().left - map.clientWidth / 2;
  }

  if (!document.querySelector("[data-part]") || !("EventSource" in window)) return;
  let seen = "";
  const events = new EventSource("/events");
  events.addEventListener("hello", (event) => {
    if (seen && seen !== event.data) soon();
    seen = event.data;
    say("on", "live");
  });
  events.addEventListener("changed", (event) => { seen = event.data; soon(); });
  events.addEventListener("error", () => say("lost", "connecting again"));
  window.addEventListener("pagehide", () => events.close());
})();
