"""This service's settings, on the runtime base."""

from __future__ import annotations

import re
from pathlib import Path
from typing import ClassVar

from pydantic import Field, ValidationInfo, field_validator

from onethread.gateway_email.capabilities import MAIL_BYTES
from onethread.gateway_email.mailboxes.mailbox import After, Mailbox
from onethread.gateway_email.names import parse_server
from onethread.gateway_email.parsing.addresses import domain_of
from onethread.gateway_email.sender.authenticity import Edge
from onethread.gateway_email.smtp.certificate import Certificate
from onethread.gateway_email.smtp.peers import Bounds, Peers, networks
from onethread.gateway_email.smtp.server import Front
from onethread.gateway_email.tokens import Signer
from onethread.runtime.fetching import Guard
from onethread.runtime.settings import Settings as Base

INBOUND = ("inbound_postmark", "inbound_mailgun", "inbound_sendgrid", "inbound_ses")

MAILBOX_PORTS = "143, 443, 993"


class Settings(Base):
    """`ONETHREAD_REPLY_SECRET` has no default: without it nobody could tell our reply addresses from guessed ones."""

    default_port: ClassVar[int] = 8020

    channel_id: str = Field("email-local", description="Id of the channel that these settings describe.")
    support_address: str = "support@onethread.localhost"
    support_name: str = Field("Support", description="Shown as the sender when the author has no name.")
    plus_addresses: bool = Field(True, description="False where the provider takes no mail for `name+token@domain`.")
    smtp_port: int | None = Field(None, description="Take mail here instead of on 2525 plus the offset.")
    lmtp_port: int | None = Field(None, description="Take mail by LMTP here, from a mail server of yours.")
    smtp_certificate: Path | None = Field(
        None, description="PEM file for STARTTLS, with the chain. Read when it changes."
    )
    smtp_key: Path | None = Field(None, validate_default=True, description="PEM file with the certificate's key.")
    smtp_connections: int = Field(500, ge=0, description="Connections that mail servers may have open. 0: any number.")
    smtp_connections_each: int = Field(
        20, ge=0, description="Connections of one mail server that is no relay of yours."
    )
    smtp_mails_a_minute: int = Field(300, ge=0, description="Mails of one mail server that is no relay of yours.")
    proxy_peers: str = Field("", description="CIDRs of the balancers that say by the PROXY protocol who connects.")
    smtp_url: str | None = Field(None, description="Relay for our replies: `smtp://` or `smtps://user:password@host`.")
    receipt: bool = Field(False, description="Whoever begins a conversation by mail gets a receipt, once a day.")
    bounce_tokens: bool = Field(
        True, description="The envelope's sender carries a token; false where the relay takes only the address itself."
    )
    bounce_domains: str = Field(
        "",
        description="Domains to which what comes back is sent, with commas between: `bounces.shop.example` for the "
        "addresses at shop.example.",
    )
    mail_retry_hours: float = Field(
        48, ge=0, description="For so long a reply that the relay puts off is tried again; 0: it fails at once."
    )
    reply_secret: str = Field(min_length=16, description="Signs reply addresses. To rotate: `new,old`.")
    trusted_relays: str = Field("", description="CIDRs of the mail relays that are believed, with commas between.")
    trusted_authserv_id: str = Field("", description="Whose Authentication-Results are believed, from those relays.")
    trusted_below_received: bool = Field(
        False, description="Their results stand below their Received line (rspamd); they remove those of others."
    )
    support_aliases: str = Field("", description="Addresses elsewhere that forward to ours, with commas between.")
    arc_sealers: str = Field("", description="Domains of forwarders whose word on a sender is believed (ARC).")
    mail_readers: int = Field(
        2, ge=0, le=32, description="Processes that read mails, 100 MB each; 0: this one, which a mail may stop."
    )
    dns_server: str = Field("", description="Resolver, `address` or `address:port`. Empty: the system's.")
    mail_host: str = Field("", description="Where our mail is taken, as the MX record of a domain is to name it.")
    spf: str = Field(
        "", description="Who sends our mail, as the SPF record of a domain is to name it: `include:spf.relay.example`."
    )
    mails: str = Field("", description="Where mails are kept: `s3://bucket/folder`, or a folder; `mails` in the home.")
    mail_days: int = Field(0, ge=0, description="Mails and attachments are kept so long; 0: as long as their message.")
    inbound_url: str = Field(
        "", description="Where providers reach this service, as administrators are told: `https://mail.desk.example`."
    )
    inbound_postmark: str | None = Field(
        None, min_length=8, description="Proves what Postmark posts to `/inbound/postmark`: `user:password`."
    )
    inbound_mailgun: str | None = Field(
        None, min_length=16, description="Signing key of Mailgun; for stored mails, a comma and an API key."
    )
    inbound_sendgrid: str | None = Field(
        None, min_length=16, description="Verification key of SendGrid, or `user:password`."
    )
    inbound_ses: str | None = Field(
        None, min_length=8, description="ARN of the SNS topic by which Amazon SES brings mail; several with commas."
    )
    ses_buckets: str = Field(
        "",
        description="Where Amazon SES puts mails, `s3://bucket/folder`, with commas between. Its rule tells the topic.",
    )
    imap_url: str | None = Field(
        None,
        description="Mailbox that is read for the support address: `imaps://user:password@host/folder`; `imap://` is "
        "STARTTLS, `imap+plain://` neither.",
    )
    imap_after: After = Field("nothing", description="What becomes there of a mail that was taken.")
    imap_authserv_id: str = Field("", description="Whose Authentication-Results are believed in that mailbox.")
    imap_refresh_token: str | None = Field(None, description="Instead of a password: from a sign-in at the provider.")
    imap_client_id: str = Field("", description="Of the app that the sign-in was made with.")
    imap_client_secret: str | None = Field(None, description="Of that app.")
    imap_token_url: str = Field(
        "", description="Where the refresh token is exchanged. Google's, Microsoft's are known."
    )
    mailbox_networks: str = Field(
        "",
        description="CIDRs that are not public, where mailboxes of channels may be. The settings' own may be anywhere.",
    )
    mail_bytes: int = Field(MAIL_BYTES, description="Largest mail that is taken.")

    @field_validator("trusted_relays", "proxy_peers", "mailbox_networks")
    @classmethod
    def _are_networks(cls, value: str) -> str:
        networks(value)
        return value

    @field_validator("dns_server")
    @classmethod
    def _is_a_server(cls, value: str) -> str:
        try:
            parse_server(value or "127.0.0.1")
        except ValueError as error:
            raise ValueError("it is not of the form `address` or `address:port`, as in 127.0.0.1:53") from error
        return value

    @field_validator("ses_buckets")
    @classmethod
    def _are_buckets(cls, value: str) -> str:
        if not all(
            re.fullmatch(r"s3://[a-z0-9][a-z0-9.-]+(/.*)?", url.strip()) for url in value.split(",") if url.strip()
        ):
            raise ValueError("it is not of the form `s3://bucket/folder`")
        return value

    @field_validator("smtp_certificate", "smtp_key", "lmtp_port", "imap_url", *INBOUND, mode="before")
    @classmethod
    def _may_be_empty(cls, value: object) -> object:
        return None if value == "" else value

    @field_validator("imap_url")
    @classmethod
    def _is_a_mailbox(cls, value: str | None) -> str | None:
        if value:
            Mailbox.at(value, "nothing", "", "", "", {})
        return value

    @field_validator("smtp_key")
    @classmethod
    def _is_the_key(cls, key: Path | None, others: ValidationInfo) -> Path | None:
        certificate = others.data.get("smtp_certificate")
        if (key is None) != (certificate is None):
            raise ValueError("a certificate and its key are set together")
        if key and certificate:
            try:
                Certificate(certificate, key)
            except OSError as error:
                raise ValueError(f"no certificate with its key can be read there ({type(error).__name__})") from error
        return key

    @field_validator("support_address")
    @classmethod
    def _is_an_address(cls, value: str) -> str:
        local, _, domain = value.strip().lower().partition("@")
        if not (local and domain and value.isascii()):
            raise ValueError("it is not of the form name@domain")
        return f"{local}@{domain}"

    @property
    def smtp_listen_port(self) -> int:
        return self.smtp_port if self.smtp_port is not None else self.local_port(2525)

    @property
    def mails_at(self) -> str:
        return self.mails or str(self.home / "mails")

    @property
    def inbound_at(self) -> str:
        return (self.inbound_url or f"http://127.0.0.1:{self.local_port(self.default_port)}").rstrip("/")

    @property
    def relay_url(self) -> str:
        return self.smtp_url or f"smtp://127.0.0.1:{self.local_port(2526)}"

    def bounce_domain(self, address: str) -> str:
        """Of that support address. Empty: what comes back is sent to the address itself."""
        own = f".{domain_of(address)}"
        known = (domain.strip().lower() for domain in self.bounce_domains.split(","))
        return next((one for one in known if "." in one and own.endswith(f".{one.partition('.')[2]}")), "")

    @property
    def ses_bucket_urls(self) -> list[str]:
        return [url.strip() for url in self.ses_buckets.split(",") if url.strip()]

    @property
    def sealers(self) -> frozenset[str]:
        return frozenset(s.strip().lower() for s in self.arc_sealers.split(",") if s.strip())

    @property
    def edge(self) -> Edge:
        return Edge.parse(self.trusted_relays, self.trusted_authserv_id, below=self.trusted_below_received)

    @property
    def mailbox(self) -> Mailbox | None:
        if not self.imap_url:
            return None
        known = {"imap_refresh_token": self.imap_refresh_token, "imap_client_secret": self.imap_client_secret}
        secrets = {name: value for name, value in known.items() if value}
        after, believed = self.imap_after, self.imap_authserv_id.strip().lower()
        return Mailbox.at(self.imap_url, after, believed, self.imap_token_url, self.imap_client_id, secrets)

    @property
    def mailbox_guard(self) -> Guard:
        """Administrators of a workspace name machines, too: not ones that only this network reaches."""
        return Guard.of(self.mailbox_networks, MAILBOX_PORTS)

    @property
    def reply_secrets(self) -> tuple[str, ...]:
        return tuple(s.strip() for s in self.reply_secret.split(",") if s.strip())

    @property
    def keys(self) -> dict[str, str]:
        """What proves the requests of each provider that is set up."""
        return {name.removeprefix("inbound_"): key for name in INBOUND if (key := getattr(self, name))}

    @property
    def front(self) -> Front:
        bounds = Bounds(self.smtp_connections, self.smtp_connections_each, self.smtp_mails_a_minute)
        proxies = networks(self.proxy_peers)
        return Front(
            hostname=domain_of(self.support_address),
            mail_bytes=self.mail_bytes,
            peers=Peers(bounds, (*self.edge.relays, *proxies)),
            proxies=proxies,
            certificate=Certificate(self.smtp_certificate, self.smtp_key)
            if self.smtp_certificate and self.smtp_key
            else None,
        )

    def signer(self, workspace: str, channel: str | None = None) -> Signer:
        return Signer(self.reply_secrets, workspace, channel)
