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
  // "Live" speaks of the data, not of the connection: old data is never live, however well the stream runs.
  const LIVE_SECONDS = 120;
  const ahead = live ? Date.now() - Date.parse(live.dataset.now) : 0;
  let connected = false;
  const about = (seconds) =>
    seconds < 120 ? Math.round(seconds) + " s" : seconds < 7200 ? Math.round(seconds / 60) + " min"
      : seconds < 172800 ? Math.round(seconds / 3600) + " h" : Math.round(seconds / 86400) + " d";
  function tell() {
    if (!live || !connected) return;
    if (!live.dataset.newest) { say("old", "no data yet"); return; }
    const age = Math.max(0, (Date.now() - ahead - Date.parse(live.dataset.newest)) / 1000);
    if (age < LIVE_SECONDS) say("on", "live, data of " + about(age) + " ago");
    else say("old", "not live: the newest data is " + about(age) + " old");
  }
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
      const place = location.href;
      const answer = await fetch(place, { headers: { accept: "text/html" }, credentials: "same-origin" });
      if (!answer.ok) { connected = false; say("lost", "not renewed since " + clock()); return; }
      const fresh = new DOMParser().parseFromString(await answer.text(), "text/html");
      if (location.href !== place) { again = true; return; } // a film went on meanwhile: this is another step's page
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
      const told = fresh.getElementById("live");
      if (live && told) live.dataset.newest = told.dataset.newest;
      connected = true;
      tell();
      document.dispatchEvent(new CustomEvent("seamwatch:renewed"));
    } catch (error) {
      connected = false;
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
    connected = true;
    tell();
  });
  events.addEventListener("changed", (event) => { seen = event.data; soon(); });
  events.addEventListener("error", () => { connected = false; say("lost", "connecting again"); });
  setInterval(tell, 5000);
  window.addEventListener("pagehide", () => events.close());
})();
