import { me } from "../api.ts";
import { Inbox } from "./Inbox.tsx";
import { SignIn } from "./SignIn.tsx";

export function App() {
  if (me.value === undefined) return null; // Answered within one request; a flash of the sign-in would be worse.
  return me.value === null ? <SignIn /> : <Inbox />;
}
