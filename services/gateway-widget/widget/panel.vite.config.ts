import { defineConfig } from "vite";

/** One module that exports `mount`; the loader imports it when the customer reaches for the chat. */
export default defineConfig({
  oxc: { jsx: { runtime: "automatic", importSource: "preact" } },
  build: {
    outDir: "../src/onethread/gateway_widget/static",
    emptyOutDir: false,
    target: "es2022",
    copyPublicDir: false,
    modulePreload: false,
    rolldownOptions: {
      input: "src/panel.tsx",
      preserveEntrySignatures: "strict",
      output: { format: "es", entryFileNames: "panel.js", codeSplitting: false },
    },
  },
});
