import type { ReactNode } from "react";
import { paths } from "../paths.ts";
import { CopyButton } from "../ui/copy-button.tsx";
import { Glyph } from "../ui/glyph.tsx";
import { Link } from "../ui/link.tsx";
import { Panel } from "../ui/page.tsx";

/** Above every page, with AUTH=none. */
export function AccessOffNotice() {
  return (
    <p className="mb-3 flex gap-2 rounded border border-line bg-surface px-3 py-1 text-xs leading-5 text-ink-2">
      <span>
        <Glyph shape="triangle" ink="warn" />
      </span>
      <span>
        <b className="font-semibold text-ink">Access control is off.</b> Everybody on this machine is admin.{" "}
        <Link href={`${paths.access()}#turn-on`} className="whitespace-nowrap text-accent underline underline-offset-2">
          Turn it on
        </Link>
      </span>
    </p>
  );
}

/** How accounts are turned on, step by step. */
export function TurnAccessOn() {
  return (
    <Panel title="Access control is off">
      <div id="turn-on" className="flex flex-col gap-3">
        <p className="max-w-prose">
          With <Code>AUTH=none</Code> Isimud listens on this machine only, and whoever reaches it there is admin. With
          accounts, people sign in and programs send a token; each has its own rights, and Isimud may listen elsewhere.
        </p>
        <ol className="flex list-decimal flex-col gap-3 pl-5 marker:text-muted">
          <Step text="Stop Isimud, and start it with accounts." command="AUTH=accounts npm start" />
          <Step
            text={
              <>Open the one-time link that the start prints. It makes you the first admin. This prints a link, too:</>
            }
            command="npm run user -- add you@example.com --role admin"
          />
          <Step
            text="In a container nobody reads what a start prints: name the first admin and a file with the password instead."
            command="AUTH=accounts ADMIN_EMAIL=you@example.com ADMIN_PASSWORD_FILE=/run/secrets/admin npm start"
          />
          <Step
            text="Then create a token here for each program, or with this command. The program sends it with each request."
            command="npm run token -- add worker-1 --scope consume --project shop"
          />
        </ol>
        <p className="text-muted">
          Queues, messages and settings stay as they are. Going back is a start with <Code>AUTH=none</Code>.
        </p>
      </div>
    </Panel>
  );
}

function Step({ text, command }: { text: ReactNode; command: string }) {
  return (
    <li>
      <p className="max-w-prose">{text}</p>
      <div className="mt-1 flex max-w-3xl items-center gap-1 rounded border border-line bg-sunken py-0.5 pr-1 pl-2.5">
        <code className="min-w-0 flex-1 font-mono text-xs wrap-anywhere">{command}</code>
        <CopyButton text={command} label="Copy the command" />
      </div>
    </li>
  );
}

const Code = ({ children }: { children: string }) => <code className="font-mono text-xs">{children}</code>;
