// Watches, likes and dismisses: each is sent to /v1/events at once, so that the next page knows of it.
const data = document.getElementById("data");
const page = data ? JSON.parse(data.textContent) : null;
const by = (id) => document.getElementById(id);
const loaded = performance.now();
// Times follow the service's clock, which a demo may have moved.
const now = () => new Date(Date.parse(page.time) + performance.now() - loaded).toISOString();
const slotOf = (card) => JSON.parse(card.dataset.slot);
const clock = (seconds) => `${Math.floor(seconds / 60)}:${String(Math.floor(seconds % 60)).padStart(2, "0")}`;
const stored = (name, otherwise) => JSON.parse(localStorage.getItem(name) ?? JSON.stringify(otherwise));
const store = (name, value) => localStorage.setItem(name, JSON.stringify(value));

// Events wait here until the service has them on disk; they are kept when it is busy or away.
let waiting = [];
let sending = Promise.resolve();

function note(type, fields) {
  if (!by("record").checked) return;
  waiting.push({ event_id: `web-${crypto.randomUUID()}`, type, time: now(), ...fields });
}

function send() {
  sending = sending.then(async () => {
    if (!waiting.length) return true;
    const events = waiting;
    waiting = [];
    try {
      const answer = await fetch("/v1/events", {
        method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify({ events }),
        keepalive: true,
      });
      if (answer.status < 500 && answer.status !== 429) return answer.ok;
    } catch { /* away: the same events are sent again, and count once */ }
    waiting = events.concat(waiting);
    return false;
  });
  return sending;
}

let quiet;
function say(text) {
  const toast = by("toast");
  toast.textContent = text;
  toast.classList.add("shown");
  clearTimeout(quiet);
  quiet = setTimeout(() => toast.classList.remove("shown"), 6000);
}

async function act(card, type, fields, done) {
  note(type, { user: page.user, video: slotOf(card).video, request_id: page.request_id, ...fields });
  if (!by("record").checked) return say("Not recorded: the box at the end of the page is off.");
  say((await send()) ? done : "The service does not take events now; they are kept and sent again.");
}

function watch(card) {
  const length = Number(card.dataset.length), time = now(), position = by("position"), player = by("player");
  let seconds = 0, before = performance.now();
  const show = () => {
    by("elapsed").textContent = clock(seconds);
    position.value = seconds;
    position.setAttribute("aria-valuetext", `${Math.floor(seconds)} seconds`);
  };
  const move = () => { seconds = Number(position.value); show(); };
  by("playing").textContent = card.querySelector("h2").textContent;
  by("whole").textContent = clock(length);
  player.querySelector(".screen").replaceChildren(card.querySelector(".art").cloneNode(true));
  position.max = length;
  position.addEventListener("input", move);
  const tick = setInterval(() => {
    seconds = Math.min(length, seconds + (performance.now() - before) / 50);
    before = performance.now();
    show();
  }, 250);
  show();
  player.addEventListener("close", () => {
    clearInterval(tick);
    position.removeEventListener("input", move);
    card.classList.add("watched");
    act(card, "watch", { seconds: Number(seconds.toFixed(2)), time },
      seconds < 5 ? "Under five seconds: that does not count as watched." : "Watched: the next page follows from it.");
  }, { once: true });
  player.showModal();
}

function press(button) {
  const card = button.closest(".card"), kind = button.dataset.act;
  if (kind === "watch") return watch(card);
  if (button.getAttribute("aria-pressed") === "true") return;
  button.setAttribute("aria-pressed", "true");
  if (kind === "not_interested") card.classList.add("gone");
  act(card, "feedback", { kind }, kind === "like" ? "Liked." : "The next page leaves it out.");
}

// A card counts as seen when half of it was on screen for a second.
function watchImpressions(cards) {
  const timers = new Map();
  const device = matchMedia("(max-width: 40rem)").matches ? "phone" : "desktop";
  const observer = new IntersectionObserver((entries) => {
    for (const { target, isIntersecting } of entries) {
      clearTimeout(timers.get(target));
      if (isIntersecting) timers.set(target, setTimeout(() => seen(target), 1000));
    }
  }, { threshold: 0.5 });
  const seen = (card) => {
    observer.unobserve(card);
    note("impression", {
      user: page.user, request_id: page.request_id, surface: "home", device, ...slotOf(card),
      ...(page.release && { release: page.release }),
    });
  };
  cards.forEach((card) => observer.observe(card));
}

function filterByTopic(cards) {
  document.querySelector(".chips").addEventListener("click", (event) => {
    const chip = event.target.closest("button");
    if (!chip) return;
    for (const other of chip.parentElement.children) other.setAttribute("aria-pressed", String(other === chip));
    for (const card of cards) card.hidden = Boolean(chip.dataset.topic) && card.dataset.topic !== chip.dataset.topic;
    by("empty").hidden = cards.some((card) => !card.hidden);
  });
}

// How much of the page is other than the viewer's page before it.
function compare(cards) {
  const shown = cards.map((card) => slotOf(card).video), key = `page of ${page.user}`;
  const before = new Set(JSON.parse(sessionStorage.getItem(key) ?? "[]"));
  sessionStorage.setItem(key, JSON.stringify(shown));
  if (!before.size) return;
  const other = shown.filter((video) => !before.has(video)).length;
  by("changed").textContent = `${other} not on the page before`;
  by("changed").hidden = false;
}

async function make() {
  const dialog = by("newcomer");
  if (dialog.returnValue !== "make") return;
  const [user, country, language, age] = ["user", "country", "language", "age"].map((id) => by(`new-${id}`).value);
  note("user", {
    user, ...(country && { country }), ...(language && { language }), ...(age && { age: Number(age) }),
  });
  await send();
  location.assign(`/?user=${encodeURIComponent(user)}`);
}

const slider = by("exploration");
const turn = () => { by("share").textContent = `${Math.round(slider.value * 100)}%`; };
slider.addEventListener("input", turn);
slider.addEventListener("change", () => by("choose").requestSubmit());
by("choose").addEventListener("submit", () => {
  // The service's own share is not asked for: it follows when that is turned.
  slider.disabled = Number(slider.value) === Number(slider.dataset.usual);
  if (!by("user").value && page) by("user").value = page.user;
});
by("user").required = false;

if (page) {
  const cards = [...document.querySelectorAll(".card")];
  by("grid").addEventListener("click", (event) => {
    const button = event.target.closest("button[data-act]");
    if (button) press(button);
  });
  history.scrollRestoration = "manual"; // the next page begins at its top
  for (const link of document.querySelectorAll("[data-next]")) {
    link.addEventListener("click", async (event) => {
      event.preventDefault();
      await send();
      location.reload();
    });
  }
  by("create").hidden = false;
  by("create").addEventListener("click", () => {
    by("new-user").value = `me-${crypto.randomUUID().slice(0, 6)}`;
    by("newcomer").returnValue = "";
    by("newcomer").showModal();
  });
  by("newcomer").addEventListener("close", make);
  by("record").checked = stored("record", true);
  by("record").addEventListener("change", () => store("record", by("record").checked));
  const viewers = new Set(stored("viewers", ["viewer-000001", "viewer-000042", "viewer-000100"]));
  if (page.user !== "guest") viewers.add(page.user);
  store("viewers", [...viewers].slice(-20));
  by("viewers").append(...[...viewers].map((viewer) => new Option(viewer)));
  watchImpressions(cards);
  filterByTopic(cards);
  compare(cards);
  setInterval(send, 2000);
  addEventListener("pagehide", send);
}
