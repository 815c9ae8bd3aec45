/** What the REST API says of support addresses and of the DNS of their domains. */

/** How mails from an address look. */
export interface Writing {
  display_name: string;
  sender: string;
  signature: string;
  quotes_history: boolean;
  receipt: boolean;
  asks_rating: boolean;
  plus_addresses: boolean;
  /** Addresses elsewhere that forward to this one. */
  aliases: string[];
}

export interface Address extends Writing {
  id: string;
  address: string;
  domain: string;
  name: string;
  /** The installation's own: its address is in the settings. */
  installation: boolean;
  active: boolean;
  version: number;
}

export interface MailKey {
  selector: string;
  created_at: string;
  seen_at: string | null;
  in_use: boolean;
  keep_until: string | null;
}

export interface DnsRecord {
  kind: "mx" | "spf" | "dkim" | "dmarc";
  type: "MX" | "TXT";
  name: string;
  value: string;
  found: string[];
  state: "right" | "missing" | "wrong" | "unknown";
  words: string;
  selector: string | null;
}

export interface Domain {
  domain: string;
  keys: MailKey[];
  records: DnsRecord[];
}

export const KINDS: Record<DnsRecord["kind"], string> = {
  dkim: "DKIM: our signature",
  spf: "SPF: who may send",
  dmarc: "DMARC: what is done with forged mail",
  mx: "MX: where mail goes",
};

export const STATES: Record<DnsRecord["state"], string> = {
  right: "Right",
  missing: "Missing",
  wrong: "Wrong",
  unknown: "Not known",
};

export const writingOf = ({
  display_name,
  sender,
  signature,
  quotes_history,
  receipt,
  asks_rating,
  plus_addresses,
  aliases,
}: Address): Writing => ({
  display_name,
  sender,
  signature,
  quotes_history,
  receipt,
  asks_rating,
  plus_addresses,
  aliases,
});

/** How the sender of a reply reads, by Kim. */
export const senderShown = ({ sender, display_name }: Writing, address: string): string =>
  `${sender.replaceAll("{name}", "Kim").trim() || display_name} <${address}>`;

export const domainsOf = (addresses: Address[]): string[] => [...new Set(addresses.map(({ domain }) => domain))];

/** A mailbox at a provider, from which mail for an address is fetched. */
export interface Imap {
  host: string;
  port: number;
  security: "tls" | "starttls";
  user: string;
  folder: string;
  after: "nothing" | "seen" | "deleted";
  authserv_id: string;
  token_url: string;
  client_id: string;
  /** Who signed in by the inbox. */
  signed_in_as: string;
}

export interface MailboxState {
  read_at: string | null;
  waiting: number;
  has_idle: boolean | null;
  error: string | null;
  since: string | null;
  sign_in_again: boolean;
}

export type SignInName = "google" | "microsoft";

/** Where one can sign in to a mailbox. */
export interface SignIn {
  name: SignInName;
  redirect_uri: string;
  /** Of the installation's app; empty: it has none. */
  client_id: string;
  is_used: boolean;
  tenant: string;
}

/** What came of a sign-in. */
export interface Returned {
  busy: boolean;
  ok: boolean;
  words: string[];
}

export interface Provider {
  name: "postmark" | "mailgun" | "sendgrid" | "ses";
  url: string;
  is_set: boolean;
  by_operator: boolean;
}

/** How mail comes to an address, besides by SMTP. Of secrets there are only the names. */
export interface Ways {
  imap: Imap | null;
  operators_mailbox: string | null;
  secrets: string[];
  providers: Provider[];
  sign_ins: SignIn[];
  /** The gateway was there to be asked. */
  answers: boolean;
  state: MailboxState | null;
  version: number;
}

export type Secrets = Record<string, string | null>;

export interface Checked {
  ok: boolean;
  words: string[];
}

export const NEW_IMAP: Imap = {
  host: "",
  port: 993,
  security: "tls",
  user: "",
  folder: "INBOX",
  after: "nothing",
  authserv_id: "",
  token_url: "",
  client_id: "",
  signed_in_as: "",
};

/** To another server no secret that is kept is sent. */
export const sameServer = (one: Imap | null, other: Imap): boolean =>
  one !== null && (["host", "port", "security", "token_url"] as const).every((name) => one[name] === other[name]);

/** What is set up at each provider, and what its key is. */
export const PROVIDERS: Record<Provider["name"], { label: string; there: string; key: string }> = {
  postmark: {
    label: "Postmark",
    there: 'Inbound webhook with "Include raw email content"; a bounce webhook with content.',
    key: "user:password, as in the URL that you give to Postmark",
  },
  mailgun: {
    label: "Mailgun",
    there: "A route that forwards to this URL with /mime behind it; webhooks for events.",
    key: "Signing key for webhooks; where Mailgun stores mails, a comma and an API key",
  },
  sendgrid: {
    label: "SendGrid",
    there: 'Inbound Parse with "POST the raw, full MIME message", signed; a signed event webhook.',
    key: "Verification key, or user:password",
  },
  ses: {
    label: "Amazon SES",
    there: "A receipt rule with an SNS action in Base64. We confirm the subscription.",
    key: "ARN of the SNS topic; several with commas",
  },
};
