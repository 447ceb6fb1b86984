import type { Metadata, Viewport } from "next";
import { headers } from "next/headers";
import type { ReactNode } from "react";
import "./globals.css";
import { AppShell } from "../components/app-shell.tsx";
import { ThemeScript } from "../components/ui/theme-script.tsx";
import { requestTime } from "./execute.ts";

export const metadata: Metadata = {
  title: { default: "Isimud", template: "%s · Isimud" },
  description: "Message queues: what is in them, who holds what, and where they live.",
};

export const viewport: Viewport = {
  themeColor: [
    { media: "(prefers-color-scheme: light)", color: "#ffffff" },
    { media: "(prefers-color-scheme: dark)", color: "#171e26" },
  ],
};

/** Dynamic for every page: the nonce of the content security policy is another one for each request. */
export default async function RootLayout({ children }: { children: ReactNode }) {
  const sent = await headers();
  const policy = sent.get("content-security-policy");
  const nonce = policy?.match(/'nonce-([^']+)'/)?.[1];
  return (
    <html lang="en" suppressHydrationWarning>
      <head>
        <ThemeScript nonce={nonce} />
      </head>
      <body>
        <AppShell serverNow={requestTime()} nonce={nonce} build={sent.get("x-isimud-build")}>
          {children}
        </AppShell>
      </body>
    </html>
  );
}
