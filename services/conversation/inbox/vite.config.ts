import { defineConfig } from "vite";

export default defineConfig({
  base: "/",
  oxc: { jsx: { runtime: "automatic", importSource: "preact" } },
  build: {
    outDir: "../src/onethread/conversation/static",
    emptyOutDir: true,
    target: "es2022",
    rollupOptions: { input: ["index.html", "docs.html"] },
    chunkSizeWarningLimit: 2_000, // The API's documentation, which the inbox does not load.
    modulePreload: { polyfill: false },
  },
});
