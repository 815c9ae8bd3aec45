import "@onethread/browser/tokens.css";
import "./styles/base.css";
import "./styles/layout.css";
import "./styles/list.css";
import "./styles/thread.css";
import "./styles/mail.css";
import "./styles/composer.css";
import "./styles/customer.css";
import "./styles/overlays.css";
import "./styles/agent.css";
import "./styles/knowledge.css";
import "./styles/bench.css";
import "./styles/email.css";
import { render } from "preact";
import { api, me } from "./api.ts";
import { App } from "./components/App.tsx";

render(<App />, document.getElementById("app")!);
api.whoAmI().then(
  (teammate) => (me.value = teammate),
  () => (me.value = null),
);
