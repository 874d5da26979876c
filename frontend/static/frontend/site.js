// What the pages do beyond htmx: when they look again, what they say when nothing answers, and copying.
"use strict";

// Parts that follow by themselves carry data-look-after: in how many milliseconds they are worth another look.
const LONGEST_PAUSE = 30_000;
// Nobody may be looking any more: the pauses grow, until a hand or an eye comes back.
const PATIENCE = 120;
// A page gone back to that did not come is asked for again.
const RESTORE_PAUSE = 2_000;
let failures = 0;
let looks = 0;
const timers = new WeakMap();
const shown = new WeakMap();

function lookLater(part) {
  const tired = Math.max(1, looks / PATIENCE);
  const pause = Math.min(Number(part.dataset.lookAfter) * tired * 2 ** failures, LONGEST_PAUSE);
  clearTimeout(timers.get(part));
  timers.set(part, setTimeout(() => look(part), pause));
}

function look(part) {
  // A hidden page does not look; it does as soon as it is seen again.
  if (part.isConnected && !document.hidden) {
    looks += 1;
    htmx.trigger(part, "look");
  }
}

function parts() {
  return document.querySelectorAll("[data-look-after]");
}

document.addEventListener("visibilitychange", () => {
  looks = 0;
  parts().forEach(look);
});
for (const sign of ["pointerdown", "keydown"]) {
  document.addEventListener(sign, () => {
    looks = 0;
  });
}
addEventListener("online", () => parts().forEach(look));

htmx.onLoad((content) => {
  content.querySelectorAll?.("[data-look-after]").forEach(lookLater);
  if (content.matches?.("[data-look-after]")) {
    lookLater(content);
  }
});

// An answer like the one before leaves the page alone: nothing loses its focus, nothing is read out again.
document.addEventListener("htmx:beforeSwap", ({ detail }) => {
  const { xhr, elt, target } = detail;
  // A wrong index comes back as a form, a page that a link leads to as itself, whatever their status.
  if ([400, 422].includes(xhr.status) || (xhr.status === 404 && elt.matches("a, form"))) {
    detail.shouldSwap = true;
    detail.isError = false;
  } else if (elt.dataset.lookAfter && shown.get(elt) === xhr.responseText) {
    detail.shouldSwap = false;
    lookLater(elt);
  } else if (elt.dataset.lookAfter) {
    queueMicrotask(() => {
      const follower = target.id && document.getElementById(target.id);
      if (follower) {
        shown.set(follower, xhr.responseText);
      }
    });
  }
});

// A calm word when nothing answers, which goes by itself as soon as something does.
function say(words) {
  const banner = document.getElementById("banner");
  if (banner && banner.textContent !== words) {
    banner.textContent = words;
    banner.hidden = !words;
  }
}

const TRYING = "This page keeps trying.";
const REASONS = {
  0: "The server cannot be reached.",
  403: "This page is too old to send anything: load it anew.",
  429: "Those were too many requests at once.",
  503: "A part of the system is away for a moment.",
};

function settle({ detail }) {
  const { xhr, elt, requestConfig } = detail;
  const status = xhr.status;
  const isAnswered = status >= 200 && status < 500 && ![403, 408, 429].includes(status);
  if (isAnswered) {
    failures = 0;
    say("");
    return;
  }
  const reason = REASONS[status] ?? "The server has a problem.";
  if (elt.dataset.lookAfter) {
    failures += 1;
    say(`${reason} ${TRYING}`);
    lookLater(elt);
  } else if (requestConfig.verb === "post") {
    // It may have arrived all the same; asking twice does no harm.
    say(`${reason} Your index may not have arrived: try again in a moment.`);
  } else if (elt.matches("a, form")) {
    say(`${reason} Try again in a moment.`);
  }
}

document.addEventListener("htmx:afterOnLoad", settle);
document.addEventListener("htmx:sendError", settle);
document.addEventListener("htmx:timeout", settle);
// A page that the browser kept while another was looked at may be old.
addEventListener("pageshow", ({ persisted }) => {
  if (persisted) {
    parts().forEach(look);
  }
});

// Of the pages that are on their way, the one asked for last is shown, not the one that comes last.
let coming = null;

function expectPage(xhr) {
  coming?.abort();
  coming = xhr;
}

document.addEventListener("htmx:beforeSend", ({ detail: { xhr, requestConfig } }) => {
  if (requestConfig.boosted) {
    expectPage(xhr);
  }
});

// Going back and forth asks for each page anew.
document.addEventListener("htmx:historyCacheMiss", ({ detail: { xhr } }) => {
  expectPage(xhr);
  xhr.addEventListener("load", () => say(""));
  xhr.addEventListener("error", () => {
    say(`${REASONS[0]} ${TRYING}`);
    setTimeout(() => {
      if (coming === xhr) {
        dispatchEvent(new PopStateEvent("popstate", { state: history.state }));
      }
    }, RESTORE_PAUSE);
  });
});
document.addEventListener("htmx:historyCacheMissLoadError", () => location.reload());

// Whoever goes to another page by keyboard or ear starts at its beginning.
document.addEventListener("htmx:pushedIntoHistory", () => {
  const main = document.getElementById("main");
  if (!main.contains(document.activeElement)) {
    main.focus({ preventScroll: true });
  }
});

document.addEventListener("click", async ({ target }) => {
  const button = target.closest("[data-copy]");
  if (!button) {
    return;
  }
  const words = button.dataset.words ?? button.textContent;
  button.dataset.words = words;
  const digits = async () => {
    const answer = await fetch(button.dataset.copy);
    if (!answer.ok) {
      throw new Error(answer.status);
    }
    return answer.blob();
  };
  try {
    // The promise, not the digits: some browsers allow copying only as an immediate answer to the click.
    await navigator.clipboard.write([new ClipboardItem({ "text/plain": digits() })]);
    button.textContent = "Copied";
    document.getElementById("announcement").textContent = "Copied";
  } catch {
    button.textContent = "Could not copy";
  }
  setTimeout(() => {
    button.textContent = words;
  }, 2000);
});
