// Plays a ramp: fetches the page of each step and shows its part. Text comes escaped from the server; nothing is built here.
"use strict";
(() => {
  const film = document.querySelector("[data-film]");
  if (!film) return;
  const frames = film.dataset.frames.split(" ");
  const button = film.querySelector("[data-play]");
  const seek = film.querySelector("[data-seek]");
  const earlier = film.querySelector("[rel=prev]");
  const later = film.querySelector("[rel=next]");
  const PAUSE = 700;
  let frame = Number(film.dataset.frame);
  let playing = false;
  let newest = 0;
  button.hidden = false;
  seek.parentElement.hidden = false;

  function url(number) {
    const place = new URL(film.dataset.film, location.href);
    place.searchParams.set("at", frames[number]);
    return place;
  }

  function beside(step) {
    return Math.min(Math.max(frame + step, 0), frames.length - 1);
  }

  async function show(number) {
    const mine = (newest += 1);
    const place = url(number);
    const answer = await fetch(place, { headers: { accept: "text/html" }, credentials: "same-origin", signal: AbortSignal.timeout(60000) });
    if (!answer.ok) throw new Error(String(answer.status));
    const fresh = new DOMParser().parseFromString(await answer.text(), "text/html").getElementById("film");
    if (mine !== newest || !fresh) return;
    document.getElementById("film").replaceWith(document.importNode(fresh, true));
    frame = number;
    seek.value = String(number);
    seek.setAttribute("aria-valuetext", document.getElementById("at").innerText);
    earlier.href = url(beside(-1));
    later.href = url(beside(1));
    history.replaceState(null, "", place);
  }

  function stop() {
    playing = false;
    button.textContent = "Play";
  }

  async function play() {
    playing = true;
    button.textContent = "Stop";
    let next = frame >= frames.length - 1 ? 0 : frame + 1;
    try {
      while (playing && next < frames.length) {
        await show(next);
        next += 1;
        if (next < frames.length) await new Promise((done) => setTimeout(done, PAUSE));
      }
    } catch (error) {
      film.dataset.trouble = error.message;
    }
    stop();
  }

  button.addEventListener("click", () => (playing ? stop() : play()));
  function turn(number) {
    stop();
    show(number).catch((error) => { film.dataset.trouble = error.message; });
  }

  seek.addEventListener("input", () => turn(Number(seek.value)));
  // in place, so that who presses Enter once more goes on; with Ctrl and the like they are links
  film.addEventListener("click", (event) => {
    const step = { prev: -1, next: 1 }[event.target.rel];
    if (!step || event.ctrlKey || event.metaKey || event.shiftKey || event.altKey) return;
    event.preventDefault();
    turn(beside(step));
  });
})();
