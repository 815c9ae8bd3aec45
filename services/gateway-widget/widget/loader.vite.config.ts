import { defineConfig } from "vite";

/** One self-running script without imports: it must work from a plain `<script>` tag on any page. */
export default defineConfig({
  build: {
    outDir: "../src/onethread/gateway_widget/static",
    emptyOutDir: false,
    target: "es2022",
    copyPublicDir: false,
    lib: { entry: "src/loader.ts", name: "onethreadLoader", formats: ["iife"], fileName: () => "widget.js" },
  },
});
