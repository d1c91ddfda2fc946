"use strict";
const byId = (id) => document.getElementById(id);
const stage = byId("stage");
const figures = [...stage.querySelectorAll("figure")];
const videos = figures.map((figure) => figure.querySelector("video"));
const [lead, ...others] = videos;
const controls = byId("controls");
const frame = Number(controls.dataset.frame);
const time = byId("time");
const play = byId("play");

// All clips show the moment that the first one shows. While they play, one that has strayed by
// half a frame is set right; where they stand, all are set exactly.
function follow(exactly) {
  for (const other of others) {
    const target = Math.min(lead.currentTime, other.duration || lead.currentTime);
    if (exactly || Math.abs(other.currentTime - target) > frame / 2) {
      other.currentTime = target;
    }
  }
}

function show() {
  time.value = String(lead.duration ? (1000 * lead.currentTime) / lead.duration : 0);
  byId("clock").textContent = `${lead.currentTime.toFixed(2)} s`;
}

function playing(on) {
  play.textContent = on ? "Pause" : "Play";
  play.setAttribute("aria-pressed", String(on));
  if (on) {
    videos.forEach((video) => video.play());
    tick();
  } else {
    videos.forEach((video) => video.pause());
    follow(true);
    show();
  }
}

function tick() {
  if (lead.paused) {
    return;
  }
  follow(false);
  show();
  if (lead.requestVideoFrameCallback) {
    lead.requestVideoFrameCallback(tick);
  } else {
    requestAnimationFrame(tick);
  }
}

function goTo(seconds) {
  const last = Math.max((lead.duration || 0) - frame / 2, 0);
  lead.currentTime = Math.min(Math.max(seconds, 0), last);
  follow(true);
  show();
}

play.addEventListener("click", () => playing(lead.paused));
byId("back").addEventListener("click", () => { playing(false); goTo(lead.currentTime - frame); });
byId("on").addEventListener("click", () => { playing(false); goTo(lead.currentTime + frame); });
time.addEventListener("input", () => goTo((Number(time.value) / 1000) * (lead.duration || 0)));
byId("speed").addEventListener("change", (event) => {
  videos.forEach((video) => { video.playbackRate = Number(event.target.value); });
});
lead.addEventListener("ended", () => { goTo(0); playing(true); });

if (others.length) {
  const view = byId("view");
  const line = byId("line");
  const over = byId("over");
  const arrange = () => {
    const wiped = view.value === "wipe";
    const shown = over ? Number(over.value) : 1;
    stage.className = wiped ? "wipe" : "side";
    figures.forEach((figure, number) => {
      figure.hidden = wiped && number !== 0 && number !== shown;
      figure.style.clipPath = wiped && number === shown ? `inset(0 0 0 ${line.value}%)` : "";
    });
    const divider = byId("divider");
    const at = `${line.value}%`;
    divider.hidden = !wiped;
    divider.style.width = `${lead.clientWidth}px`;
    divider.style.background = `linear-gradient(to right, transparent calc(${at} - 1px),
      #fff calc(${at} - 1px) calc(${at} + 1px), transparent calc(${at} + 1px))`;
    byId("sides").hidden = !wiped;
    byId("sides").textContent =
      `left of the line: ${lead.ariaLabel}, right of it: ${videos[shown].ariaLabel}`;
    byId("line-label").hidden = !wiped;
    if (over) {
      byId("over-label").hidden = !wiped;
    }
  };
  for (const control of [view, line, over]) {
    control?.addEventListener("input", arrange);
  }
  const drag = (event) => {
    if (view.value === "wipe" && event.buttons === 1) {
      const box = lead.getBoundingClientRect();
      line.value = String((100 * (event.clientX - box.left)) / box.width);
      arrange();
    }
  };
  stage.addEventListener("pointerdown", drag);
  stage.addEventListener("pointermove", drag);
  window.addEventListener("resize", arrange);
  arrange();
}

const maps = [...document.querySelectorAll(".map")];
const marks = [...document.querySelectorAll(".spectrum .mark")];
function choose(number) {
  maps.forEach((map, place) => { map.hidden = place !== number; });
  marks.forEach((mark, place) => mark.classList.toggle("chosen", place === number));
}
for (const radio of document.querySelectorAll("input[name=peak]")) {
  radio.addEventListener("change", () => choose(Number(radio.value) - 1));
}
choose(0);
