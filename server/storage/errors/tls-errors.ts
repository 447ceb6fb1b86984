/** Why an encrypted connection to a storage failed, and what to do about it. */

const AUTHORITY =
  "its certificate is of an authority that this machine does not know. Start Isimud with NODE_EXTRA_CA_CERTS naming a file with that authority's certificate";

const NOT_ANSWERED = "TLS_NOT_ANSWERED";

/** By error code: those of Node and OpenSSL, and our own. */
const REFUSALS: Readonly<Record<string, string>> = {
  SELF_SIGNED_CERT_IN_CHAIN: AUTHORITY,
  DEPTH_ZERO_SELF_SIGNED_CERT: AUTHORITY,
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: AUTHORITY,
  UNABLE_TO_GET_ISSUER_CERT: AUTHORITY,
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: AUTHORITY,
  [NOT_ANSWERED]: "there was no answer in time. It stands still, or its port is one without TLS",
  CERT_HAS_EXPIRED: "its certificate has expired. Give the server a new one",
  CERT_NOT_YET_VALID: "its certificate is not valid yet. Check the clocks of both machines",
  CERT_REVOKED: "its certificate was revoked. Give the server a new one",
  ERR_TLS_CERT_ALTNAME_INVALID:
    "its certificate is for another host. Name the host in the URI as the certificate does, or give the server one for this host",
  ERR_SSL_WRONG_VERSION_NUMBER:
    "what answers at this port does not speak TLS. Check the port, or take the URI's scheme without TLS",
  ERR_SSL_TLSV1_ALERT_PROTOCOL_VERSION: "the server speaks only versions of TLS that are not safe any more. Update it",
  ERR_SSL_SSLV3_ALERT_HANDSHAKE_FAILURE: "the server and this machine have no cipher in common. Update the server",
  ERR_SSL_TLSV13_ALERT_CERTIFICATE_REQUIRED:
    "the server asks clients for a certificate, which Isimud has not. Let it ask for a password instead",
};

/** The server accepted the connection but did not answer the TLS handshake. */
export function tlsNotAnswered(cause: unknown): Error {
  return Object.assign(new Error("No answer to TLS in time.", { cause }), { code: NOT_ANSWERED });
}

/** A sentence for people. Null when the failure was not about TLS. Looks at the error's causes too. */
export function tlsErrorMessage(error: unknown): string | null {
  for (let cause = error; cause instanceof Error; cause = cause.cause) {
    const refusal = REFUSALS[String((cause as { code?: unknown }).code)];
    if (refusal !== undefined) return `The storage cannot be reached safely: ${refusal}.`;
  }
  return null;
}
