"use strict";
(() => {
  const root = document.documentElement;
  const figures = [...document.querySelectorAll("script[data-figure]")];
  const prefers = matchMedia("(prefers-color-scheme: dark)");

  function remembered() {
    try { return localStorage.getItem("theme"); } catch { return null; }  // a sandboxed frame has no storage
  }

  function remember(theme) {
    try { localStorage.setItem("theme", theme); } catch { /* the page forgets it, and nothing else */ }
  }

  const wished = new URLSearchParams(location.search).get("theme");
  root.dataset.theme = wished || remembered() || (prefers.matches ? "dark" : "light");

  // Colours of figures are names of CSS variables, which plotly does not know.
  function drawn(script) {
    const style = getComputedStyle(root);
    return JSON.parse(script.textContent, (key, value) => {
      const name = typeof value === "string" && /^var\((--[a-z]+)\)$/.exec(value);
      return name ? style.getPropertyValue(name[1]).trim() : value;
    });
  }

  const config = {
    responsive: true,
    displayModeBar: innerWidth < 600 ? false : "hover",  // on a phone it would lie over the legend
    displaylogo: false,
    modeBarButtonsToRemove: ["sendChartToCloud", "lasso2d", "select2d"],  // nothing of a sweep is sent anywhere
  };

  async function draw(script, width) {
    const { data, layout } = drawn(script);
    layout.width = width;
    layout.autosize = !width;
    const place = document.getElementById(script.dataset.figure);
    await Plotly.react(place, data, layout, config);
    place.classList.add("drawn");
  }

  async function inflated() {
    const bytes = Uint8Array.from(atob(document.getElementById("plotly").textContent), (c) => c.charCodeAt(0));
    const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
    const script = document.createElement("script");
    script.textContent = await new Response(stream).text();
    document.head.append(script);
  }

  const idle = () => new Promise((done) => setTimeout(done, 0));

  async function drawAll() {
    await inflated();
    const near = (script) => {
      const box = document.getElementById(script.dataset.figure).getBoundingClientRect();
      return Math.abs(box.top + box.height / 2 - innerHeight / 2);
    };
    for (const left = [...figures]; left.length; await idle()) {
      left.sort((a, b) => near(a) - near(b));
      await draw(left.shift());
    }
    root.dataset.drawn = "all";
  }

  const ready = figures.length ? drawAll() : Promise.resolve();
  ready.catch((error) => {
    const told = document.createElement("p");
    told.className = "warning";
    told.textContent = `The figures could not be drawn: ${error}`;
    document.querySelector("header").append(told);
  });

  // Paper is white and narrow, whatever the screen is: figures are drawn for it, and again for the screen after it.
  const PRINTED_PX = 680;
  let theme = null;

  const drawEach = (width) => Promise.all(figures.map((script) => draw(script, width)));

  addEventListener("beforeprint", () => {
    theme = root.dataset.theme;
    root.dataset.theme = "light";
    document.body.style.width = `${PRINTED_PX}px`;
    if (root.dataset.drawn === "all") drawEach(PRINTED_PX);
  });

  addEventListener("afterprint", () => {
    root.dataset.theme = theme;
    document.body.style.width = "";
    if (root.dataset.drawn === "all") drawEach();
  });

  document.getElementById("theme").addEventListener("click", async () => {
    root.dataset.theme = root.dataset.theme === "dark" ? "light" : "dark";
    remember(root.dataset.theme);
    await ready;
    await drawEach();
  });
})();
