import { lexer, type Token, type Tokens } from "marked";
import { createElement, Fragment, type ReactNode } from "react";
import { Panel } from "../ui/page.tsx";
import type { RunbookSection } from "./fragments.ts";

/** Links to all sections. */
export function RunbookContents({ sections }: { sections: readonly RunbookSection[] }) {
  return (
    <nav aria-label="Kinds of problems">
      <ul className="flex flex-wrap gap-x-4 gap-y-1">
        {sections.map(({ anchor, title }) => (
          <li key={anchor}>
            <a href={`#${anchor}`} className="text-accent hover:underline">
              {title}
            </a>
          </li>
        ))}
      </ul>
    </nav>
  );
}

export function RunbookSections({ sections }: { sections: readonly RunbookSection[] }) {
  return sections.map(({ anchor, title, text }) => (
    <div key={anchor} id={anchor} className="scroll-mt-16 rounded target:outline-2 target:outline-accent">
      <Panel title={title}>
        <div className="flex max-w-prose flex-col gap-2">
          <Markdown tokens={lexer(text)} />
        </div>
      </Panel>
    </div>
  ));
}

/** Its tokens as elements: HTML in the text stays text. What is not listed here is shown as it is written. */
function Markdown({ tokens }: { tokens: readonly Token[] }): ReactNode {
  return createElement(Fragment, null, ...tokens.map(elementOf));
}

function elementOf(token: Token): ReactNode {
  switch (token.type) {
    case "space":
      return null;
    case "paragraph":
      return (
        <p>
          <Markdown tokens={token.tokens ?? []} />
        </p>
      );
    case "list":
      return <List list={token as Tokens.List} />;
    case "codespan":
      return <code className="rounded-sm bg-raised px-1 font-mono text-xs wrap-anywhere">{token.text}</code>;
    case "strong":
      return (
        <strong>
          <Markdown tokens={token.tokens ?? []} />
        </strong>
      );
    case "text":
      return token.tokens === undefined ? token.text : <Markdown tokens={token.tokens} />;
    default:
      return token.raw;
  }
}

function List({ list }: { list: Tokens.List }) {
  const items = list.items.map((item) => (
    <li key={item.raw}>
      <Markdown tokens={item.tokens} />
    </li>
  ));
  return list.ordered ? (
    <ol className="flex list-decimal flex-col gap-1 pl-5">{items}</ol>
  ) : (
    <ul className="flex list-disc flex-col gap-1 pl-5">{items}</ul>
  );
}
