// Filters the grid by topic, plays (counts the seconds), and, only when asked to, sends what happens to /events.
const page = JSON.parse(document.getElementById("data").textContent);
const cards = [...document.querySelectorAll(".card")];
const record = document.getElementById("record");
const player = document.getElementById("player");
const loaded = performance.now();
// Times follow the service's clock, which a demo may have moved.
const now = () => new Date(Date.parse(page.time) + performance.now() - loaded).toISOString();
const slotOf = (card) => JSON.parse(card.dataset.slot);
let waiting = [];

function note(type, card, fields) {
  if (!record.checked) return;
  waiting.push({
    event_id: `web-${crypto.randomUUID()}`, type, time: now(), user: page.user, video: slotOf(card).video,
    request_id: page.request_id, ...fields,
  });
}

async function send() {
  if (!waiting.length) return;
  const events = waiting;
  waiting = [];
  try {
    const answer = await fetch("/events", {
      method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify({ events }), keepalive: true,
    });
    if (answer.status >= 500 || answer.status === 429) waiting = events.concat(waiting);
  } catch { waiting = events.concat(waiting); }
}
setInterval(send, 2000);
addEventListener("pagehide", send);

document.querySelector(".chips").addEventListener("click", (event) => {
  const chip = event.target.closest("button");
  if (!chip) return;
  for (const other of chip.parentElement.children) other.setAttribute("aria-pressed", String(other === chip));
  for (const card of cards) card.hidden = Boolean(chip.dataset.topic) && card.dataset.topic !== chip.dataset.topic;
  document.getElementById("empty").hidden = cards.some((card) => !card.hidden);
});

function watch(card) {
  const started = performance.now(), time = now();
  const seconds = () => (performance.now() - started) / 1000;
  document.getElementById("playing").textContent = card.querySelector("h2").textContent;
  const tick = setInterval(() => { document.getElementById("elapsed").textContent = Math.floor(seconds()); }, 250);
  document.getElementById("elapsed").textContent = "0";
  player.addEventListener("close", () => {
    clearInterval(tick);
    note("watch", card, { seconds: Number(seconds().toFixed(2)), time });
    card.classList.add("watched");
    send();
  }, { once: true });
  player.showModal();
}

document.getElementById("grid").addEventListener("click", (event) => {
  const button = event.target.closest("button[data-act]");
  if (!button) return;
  const card = button.closest(".card"), act = button.dataset.act;
  if (act === "watch") return watch(card);
  if (button.getAttribute("aria-pressed") === "true") return;
  button.setAttribute("aria-pressed", "true");
  if (act === "not_interested") card.classList.add("gone");
  note("feedback", card, { kind: act });
});

// A card counts as seen when half of it was on screen for a second.
const timers = new Map();
const seen = new Set();
const observer = new IntersectionObserver((entries) => {
  for (const { target, isIntersecting } of entries) {
    clearTimeout(timers.get(target));
    if (isIntersecting && !seen.has(target)) timers.set(target, setTimeout(() => impression(target), 1000));
  }
}, { threshold: 0.5 });
cards.forEach((card) => observer.observe(card));

function impression(card) {
  if (!record.checked || seen.has(card)) return;
  seen.add(card);
  const { slot, source, score, propensity, explored } = slotOf(card);
  const device = matchMedia("(max-width: 40rem)").matches ? "phone" : "desktop";
  note("impression", card, {
    slot, surface: "home", device, source, score, propensity, explored, ...(page.release && { release: page.release }),
  });
}

record.checked = localStorage.getItem("record") === "true";
record.addEventListener("change", () => localStorage.setItem("record", String(record.checked)));

// The viewers chosen before are offered again.
const viewers = new Set(JSON.parse(localStorage.getItem("viewers") || "[]"));
if (page.user !== "guest") viewers.add(page.user);
localStorage.setItem("viewers", JSON.stringify([...viewers].slice(-20)));
document.getElementById("viewers").append(...[...viewers].map((viewer) => new Option(viewer)));
