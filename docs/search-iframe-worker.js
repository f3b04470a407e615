// What the theme's search lacks. It starts a worker and sends it what is typed, a text in a message of type 2.

// Browsers start no worker for a page that was opened as a file; there, the search runs in a hidden frame instead.
class FrameWorker extends EventTarget {
  constructor(url) {
    super();
    this.frame = document.body.appendChild(Object.assign(document.createElement("iframe"), { hidden: true }));
    const inside = this.frame.contentWindow;
    inside.postMessage = data => this.dispatchEvent(new MessageEvent("message", { data }));
    const script = inside.document.createElement("script");
    this.ready = new Promise(resolve => { script.onload = resolve; });
    script.src = url;
    inside.document.body.append(script);
  }

  postMessage(data) {
    this.ready.then(() => this.frame.contentWindow.dispatchEvent(new MessageEvent("message", { data })));
  }
}

// The theme finds every word that begins with a word that was typed: "no" finds "notebook", "rates" does not find "rate".
const SMALL = /^(..?|the|and|for|are|but|not|has|had|was|can|all|any|its|you|your)$/;
const singular = word => word.replace(/ies$/, "").replace(/(ss|sh|ch|x)es$/, "$1").replace(/([^suie])s$|(e)s$/, "$1$2");
function simpler(text) {
  // Whoever quotes words, or gives them signs, says exactly what is meant.
  if (/["*+~^]/.test(text)) return text;
  const words = text.split(/[^\p{L}\p{N}]+/u).filter(Boolean).map(word => word.toLowerCase());
  const long = words.filter(word => !SMALL.test(word));
  return (long.length ? long : words).map(singular).join(" ");
}

window.Worker = class extends (location.protocol === "file:" ? FrameWorker : window.Worker) {
  postMessage(message) {
    const isTyped = message.type === 2 && typeof message.data === "string";
    super.postMessage(isTyped ? { ...message, data: simpler(message.data) } : message);
  }
};
