import type { Metadata, Viewport } from "next";
import { headers } from "next/headers";
import type { ReactNode } from "react";
import "./globals.css";
import { AppShell } from "../components/app-shell.tsx";
import { ThemeScript } from "../components/ui/theme-script.tsx";
import { requestTime } from "./execute.ts";

export const metadata: Metadata = {
  title: { default: "Isimud", template: "%s · Isimud" },
  description: "Message queues: messages, claims, and the pools that store them.",
};

export const viewport: Viewport = {
  themeColor: [
    { media: "(prefers-color-scheme: light)", color: "#ffffff" },
    { media: "(prefers-color-scheme: dark)", color: "#171e26" },
  ],
};

/** Makes every page dynamic: each request has its own nonce in the content security policy. */
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
