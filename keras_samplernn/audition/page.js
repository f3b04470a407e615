
"use strict";
const data = JSON.parse(document.getElementById("data").textContent);
const STORE = `keras_samplernn audition ${data.id}`;
const ICONS = {
  play: "M7 4.5v15l13-7.5z",
  pause: "M6 5h4v14H6zM14 5h4v14h-4z",
  star: "M12 3.2l2.7 5.7 6.2.8-4.6 4.3 1.2 6.2L12 17.2l-5.5 3 1.2-6.2-4.6-4.3 6.2-.8z",
};

// Everything is made of text nodes: names of classes are the user's, and may look like markup.
function make(tag, options = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(options)) {
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (name in element) element[name] = value;
    else element.setAttribute(name, value);
  }
  element.append(...children);
  return element;
}

function svg(tag, attributes, ...children) {
  const element = document.createElementNS("http://www.w3.org/2000/svg", tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  element.append(...children);
  return element;
}

function icon(name) {
  return svg("svg", {viewBox: "0 0 24 24", "aria-hidden": "true"}, svg("path", {d: ICONS[name]}));
}

function bytesOf(base64) {
  return Uint8Array.from(atob(base64), letter => letter.charCodeAt(0));
}

function percent(share) {
  return `${100 * share}%`;
}

function counted(number, noun) {
  return `${number} ${noun}${number === 1 ? "" : "s"}`;
}

// What sounds are arranged by: how a value is called as a heading, and on a card of another arrangement.
const AXES = {
  score: {
    word: data.word,
    heading: index => data.scores[index].title,
    short: index => data.scores[index].title,
    count: data.scores.length,
  },
  checkpoint: {
    word: "checkpoint",
    heading: index => data.checkpoints[index].label,
    short: index => data.checkpoints[index].label,
    about: index => data.checkpoints[index].about,
    count: data.checkpoints.length,
  },
  temperature: {
    word: "temperature",
    heading: value => `temperature ${value}`,
    short: value => `temperature ${value}`,
    count: new Set(data.sounds.map(sound => sound.temperature)).size,
  },
  seed: {
    word: "seed",
    heading: value => `seed ${value}`,
    short: value => `seed ${value}`,
    count: new Set(data.sounds.map(sound => sound.seed)).size,
  },
};

const stars = new Set();
const state = {by: "score", onlyStarred: false, playOn: false, playing: null, queue: []};
const player = new Audio();
let url = null;

function remember() {
  try {
    localStorage.setItem(STORE, JSON.stringify([...stars]));
  } catch { /* A browser may keep nothing of a file; the stars last until the page is closed. */ }
}

function recall() {
  try {
    const names = new Set(data.sounds.map(sound => sound.entry.name));
    for (const name of JSON.parse(localStorage.getItem(STORE)) || []) if (names.has(name)) stars.add(name);
  } catch { /* as above */ }
}

// Cards.

function strip(stream) {
  if (stream.points) {
    const lines = stream.points.map(points => svg("polyline", {points: points.map(([x, y]) => `${100 * x},${18 - 18 * y}`).join(" ")}));
    const drawn = svg("svg", {viewBox: "0 0 100 18", preserveAspectRatio: "none"}, ...lines);
    return make("div", {className: "strip numbers", title: stream.about}, drawn, make("b", {}, stream.label));
  }
  const element = make("div", {className: "strip", title: stream.about});
  for (const [start, stop, label, colour, target, light] of stream.spans) {
    const span = make("i", {className: light ? "light" : ""}, label);
    span.style.left = percent(start);
    span.style.width = percent(stop - start);
    span.style.background = target ? `linear-gradient(90deg, ${colour}, ${target})` : colour;
    element.append(span);
  }
  return element;
}

function described(sound) {
  return ["score", "checkpoint", "temperature", "seed"]
    .filter(axis => axis === "score" || axis === "temperature" || AXES[axis].count > 1)
    .map(axis => [axis, AXES[axis].short(sound[axis])]);
}

function card(sound) {
  const score = data.scores[sound.score];
  const parts = described(sound);
  const label = parts.map(([, text]) => text).join(", ");
  const name = make("div", {className: "name"});
  sound.name = name;
  sound.play = make("button", {className: "play", type: "button", onclick: () => toggle(sound)});
  sound.star = make("button", {className: "star", type: "button", title: "star (s)", onclick: () => setStar(sound)}, icon("star"));
  sound.head = make("div", {className: "head", hidden: true});
  const picture = make(
    "div",
    {className: "picture", title: "play from here", onclick: event => playFrom(sound, event)},
    make("img", {src: `data:image/png;base64,${sound.picture}`, alt: `spectrogram of ${label}`, loading: "lazy", draggable: false}),
    make("span", {}, data.kilohertz),
    make("span", {className: "end"}, `${score.seconds} s`),
    sound.head,
  );
  const figure = (word, value, title) => make("span", {title}, `${word} `, make("b", {}, value));
  sound.card = make(
    "article",
    {tabIndex: 0, ariaLabel: label, "data-name": sound.entry.name},
    make("div", {className: "line"}, sound.play, name, sound.star),
    picture,
    ...score.strips.map(strip),
    ...(sound.faults.length ? [make("p", {className: "faults"}, sound.faults.join("; "))] : []),
    make(
      "div",
      {className: "figures"},
      figure("level", sound.level, "root mean square over the whole sound, in dB below full scale"),
      figure("peak", sound.peak, "the loudest sample, in dB below full scale"),
      figure("bits", sound.bits, "bits per sample under the checkpoint that made it"),
    ),
  );
  sound.label = label;
  showPlay(sound);
  showStar(sound);
}

function showName(sound) {
  const rest = described(sound).filter(([axis]) => axis !== state.by).map(([, text]) => text);
  const [first, ...others] = rest.length ? rest : [sound.label];
  sound.name.replaceChildren(first, make("small", {}, others.join(" · ")));
}

function showPlay(sound) {
  const playing = state.playing === sound;
  sound.play.replaceChildren(icon(playing ? "pause" : "play"));
  sound.play.ariaLabel = `${playing ? "pause" : "play"} ${sound.label}`;
  sound.card.classList.toggle("playing", playing);
  if (!playing && !player.currentTime) sound.head.hidden = true;
}

function showStar(sound) {
  const starred = stars.has(sound.entry.name);
  sound.card.classList.toggle("starred", starred);
  sound.star.ariaLabel = `star ${sound.label}`;
  sound.star.ariaPressed = String(starred);
}

function setStar(sound) {
  const name = sound.entry.name;
  if (!stars.delete(name)) stars.add(name);
  showStar(sound);
  remember();
  showCount();
  if (state.onlyStarred) arrange();
}

// Playing: one sound at a time.

function toggle(sound) {
  if (state.playing === sound) {
    pause();
    return;
  }
  state.queue = [];
  start(sound);
}

function load(sound) {
  if (player.sound === sound) return;
  if (player.sound) player.sound.head.hidden = true;
  if (url) URL.revokeObjectURL(url);
  url = URL.createObjectURL(new Blob([bytesOf(sound.wav)], {type: "audio/wav"}));
  player.src = url;
  player.sound = sound;
}

function start(sound, seconds = null) {
  pause();
  load(sound);
  if (seconds !== null) player.currentTime = seconds;
  else if (player.ended) player.currentTime = 0;
  state.playing = sound;
  showPlay(sound);
  player.play().catch(() => pause());
  requestAnimationFrame(move);
}

function pause() {
  player.pause();
  const before = state.playing;
  state.playing = null;
  if (before) showPlay(before);
}

function playFrom(sound, event) {
  const place = event.currentTarget.getBoundingClientRect();
  state.queue = [];
  start(sound, (event.clientX - place.left) / place.width * sound.seconds);
}

function move() {
  const sound = state.playing;
  if (!sound) return;
  sound.head.hidden = false;
  sound.head.style.left = percent(Math.min(player.currentTime / sound.seconds, 1));
  requestAnimationFrame(move);
}

player.addEventListener("ended", () => {
  const sound = state.playing;
  pause();
  if (sound) sound.head.hidden = true;
  const next = state.queue.shift() || (state.playOn && sound ? following(sound) : null);
  if (next) {
    start(next);
    next.card.scrollIntoView({block: "nearest"});
  }
});

function shown() {
  return [...document.querySelectorAll("article")].map(element => data.sounds[element.index]);
}

function following(sound) {
  const sounds = shown();
  return sounds[sounds.indexOf(sound) + 1] || null;
}

// The arrangement.

function arrange() {
  const focused = document.activeElement && document.activeElement.closest("article") ? document.activeElement : null;
  const sounds = data.sounds.filter(sound => !state.onlyStarred || stars.has(sound.entry.name));
  const axis = AXES[state.by];
  const groups = new Map();
  for (const sound of sounds) groups.set(sound[state.by], [...(groups.get(sound[state.by]) || []), sound]);
  const sections = [...groups].map(([value, members]) => {
    members.forEach(showName);
    const about = axis.about ? axis.about(value) : "";
    return make(
      "section",
      {},
      make(
        "div",
        {className: "title"},
        make("h2", {}, axis.heading(value)),
        make("button", {className: "pill", type: "button", ariaLabel: `play all of ${axis.heading(value)}`, onclick: () => playAll(members)}, `play ${counted(members.length, "sound")}`),
        make("span", {className: "about"}, about),
      ),
      grid(members),
    );
  });
  const empty = make("p", {className: "empty"}, "No sound has a star yet.");
  document.getElementById("groups").replaceChildren(...(sections.length ? sections : [empty]));
  if (focused && focused.isConnected) focused.focus();
}

function grid(members) {
  const element = make("div", {className: "grid"}, ...members.map(sound => sound.card));
  const inner = ["seed", "temperature", "checkpoint", "score"].find(axis => axis !== state.by && AXES[axis].count > 1);
  const columns = inner ? AXES[inner].count : 1;
  element.style.setProperty("--columns", columns > 1 && columns < 6 ? columns : 4);
  return element;
}

function playAll(members) {
  const [first, ...others] = members;
  state.queue = others;
  start(first, 0);
}

function showCount() {
  const button = document.getElementById("save");
  button.disabled = !stars.size;
  button.textContent = stars.size ? `Save ${counted(stars.size, "star")}` : "Star a sound to save it";
}

function starredText() {
  const sounds = data.sounds
    .filter(sound => stars.has(sound.entry.name))
    .map(sound => ({...sound.entry, score: data.scores[sound.score].said}));
  return `${JSON.stringify({format: data.format, sounds}, null, 1)}\n`;
}

function save() {
  const link = make("a", {
    href: URL.createObjectURL(new Blob([starredText()], {type: "application/json"})),
    download: "starred.json",
  });
  document.body.append(link);
  link.click();
  link.remove();
  setTimeout(() => URL.revokeObjectURL(link.href), 60000);
}

// Keys.

document.addEventListener("keydown", event => {
  const element = event.target.closest && event.target.closest("article");
  if (!element || event.ctrlKey || event.metaKey || event.altKey) return;
  const sound = data.sounds[element.index];
  const own = event.target === element;
  if (event.key === "s" || event.key === "S") setStar(sound);
  else if (own && (event.key === " " || event.key === "Enter")) toggle(sound);
  else if (event.key.startsWith("Arrow")) neighbour(element, event.key.slice(5))?.focus();
  else return;
  event.preventDefault();
});

function neighbour(element, direction) {
  const cards = shown().map(sound => sound.card);
  const number = cards.indexOf(element);
  if (direction === "Left" || direction === "Right") return cards[number + (direction === "Left" ? -1 : 1)];
  const here = element.getBoundingClientRect();
  const sign = direction === "Up" ? -1 : 1;
  const distance = card => {
    const there = card.getBoundingClientRect();
    const down = sign * (there.top - here.top);
    return down > 1 ? down * 1000 + Math.abs(there.left - here.left) : Infinity;
  };
  const best = cards.reduce((one, other) => (distance(other) < distance(one) ? other : one), element);
  return best === element ? null : best;
}

// The page.

function build() {
  document.getElementById("head").append(
    make("h1", {}, data.run),
    make("p", {}, data.about),
    make("details", {}, make("summary", {}, "What the figures say"), ...data.help.map(([word, text]) => make("p", {}, make("b", {}, word), ` ${text}`))),
  );
  const axes = Object.entries(AXES).filter(([axis, {count}]) => axis === "score" || count > 1);
  const choice = make("fieldset", {}, make("span", {className: "name"}, "by"));
  for (const [axis, {word}] of axes) {
    const chosen = make("input", {
      type: "radio", name: "by", value: axis, checked: axis === state.by,
      onchange: () => { state.by = axis; arrange(); },
    });
    choice.append(make("label", {}, chosen, word));
  }
  const tick = (id, text, onchange) => make("label", {}, make("input", {type: "checkbox", id, onchange}), text);
  document.getElementById("bar").append(
    ...(axes.length > 1 ? [choice] : []),
    tick("only", "only starred", event => { state.onlyStarred = event.target.checked; arrange(); }),
    tick("on", "play on", event => { state.playOn = event.target.checked; }),
    make("button", {id: "save", type: "button", className: "pill save push", onclick: save}),
  );
  document.getElementById("foot").append(
    make("p", {}, "Keys: ", make("kbd", {}, "Tab"), " and the arrows go from sound to sound, ", make("kbd", {}, "Space"), " plays, ", make("kbd", {}, "s"), " stars. A click on a picture plays from there."),
    make("p", {}, "Saved stars are rendered again, to the byte, or longer with ", make("code", {}, "--seconds"), ": ", make("code", {}, data.command)),
  );
  data.sounds.forEach((sound, index) => {
    sound.seconds = sound.entry.seconds;
    card(sound);
    sound.card.index = index;
  });
  showCount();
  arrange();
}

recall();
build();
