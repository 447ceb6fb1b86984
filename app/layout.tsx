import type { Metadata, Viewport } from "next";
import { headers } from "next/headers";
import { type ReactNode, Suspense } from "react";
import "./globals.css";
import { AccessOffNotice } from "../components/access/access-off.tsx";
import { ReadOnlyNotice } from "../components/access/read-only-notice.tsx";
import { AppShell } from "../components/app-shell.tsx";
import { ThemeScript } from "../components/ui/theme-script.tsx";
import { authFacts } from "./auth-facts.ts";
import { environmentOfRequest } from "./environment.ts";
import { EverythingPaused } from "./everything-paused.tsx";
import { requestTime } from "./execute.ts";
import { navigationCounts } from "./navigation-counts.ts";
import { viewerOfRequest } from "./viewer.ts";

export const metadata: Metadata = {
  title: { default: "Isimud", template: "%s · Isimud" },
  description: "Message queues: messages, claims, and the pools that store them.",
};

export const viewport: Viewport = {
  themeColor: [
    { media: "(prefers-color-scheme: light)", color: "#ffffff" },
    { media: "(prefers-color-scheme: dark)", color: "#10161d" },
  ],
};

/** Makes every page dynamic: each request has its own nonce in the content security policy. */
export default async function RootLayout({ children }: { children: ReactNode }) {
  const sent = await headers();
  const policy = sent.get("content-security-policy");
  const { viewer, refused, readOnly } = await viewerOfRequest();
  // Not by the viewer: one that is refused has no kind.
  const { isOff } = await authFacts();
  const nonce = policy?.match(/'nonce-([^']+)'/)?.[1];
  return (
    <html lang="en" data-auth={isOff ? "none" : "accounts"} suppressHydrationWarning>
      <head>
        <ThemeScript nonce={nonce} />
      </head>
      <body>
        <AppShell
          serverNow={requestTime()}
          build={sent.get("x-isimud-build")}
          counts={navigationCounts()}
          environment={await environmentOfRequest()}
          viewer={viewer}
          refused={refused}
          notices={
            <>
              {isOff ? <AccessOffNotice /> : null}
              <ReadOnlyNotice readOnly={readOnly} />
              <Suspense fallback={null}>
                <EverythingPaused />
              </Suspense>
            </>
          }
        >
          {children}
        </AppShell>
      </body>
    </html>
  );
}
