import { lexer, type Token, type Tokens } from "marked";
import { createElement, Fragment, type ReactNode } from "react";
import { LinkButton } from "../ui/button.tsx";
import { Glyph } from "../ui/glyph.tsx";
import { Panel } from "../ui/page.tsx";
import type { ProblemGroup, RunbookSection } from "./fragments.ts";
import { countText, problemsPath, SEVERITIES } from "./looks.ts";

type Groups = readonly ProblemGroup[];

/** Links to all sections. Those of problems that there are now say so. */
export function RunbookContents({ sections, groups }: { sections: readonly RunbookSection[]; groups: Groups }) {
  return (
    <nav aria-label="Kinds of problems" className="lg:sticky lg:top-16">
      <ul className="flex flex-wrap gap-x-4 gap-y-1 lg:flex-col">
        {sections.map(({ kind, anchor, title }) => {
          const group = groups.find((one) => one.kind === kind);
          return (
            <li key={anchor}>
              <a href={`#${anchor}`} className="inline-flex items-center gap-1.5 text-accent hover:underline">
                {title}
                {group === undefined ? null : <Found group={group} />}
              </a>
            </li>
          );
        })}
      </ul>
    </nav>
  );
}

function Found({ group }: { group: ProblemGroup }) {
  const { shape, ink, word } = SEVERITIES[group.severity];
  return (
    <span className="inline-flex items-center gap-1 text-xs text-ink-2">
      <Glyph shape={shape} ink={ink} />
      <span className="sr-only">{word}: </span>
      {countText(group)}
    </span>
  );
}

export function RunbookSections({ sections, groups }: { sections: readonly RunbookSection[]; groups: Groups }) {
  return sections.map(({ kind, anchor, title, text }) => {
    const group = groups.find((one) => one.kind === kind);
    return (
      <div key={anchor} id={anchor} className="scroll-mt-16 rounded target:outline-2 target:outline-accent">
        <Panel
          title={title}
          actions={
            group === undefined ? null : (
              <>
                <Found group={group} />
                <LinkButton size="small" href={problemsPath(kind)}>
                  Show {countText(group) === "1" ? "it" : "them"}
                  <span className="sr-only">: {title}</span>
                </LinkButton>
              </>
            )
          }
        >
          <div className="flex max-w-prose flex-col gap-2">
            <Markdown tokens={lexer(text)} />
          </div>
        </Panel>
      </div>
    );
  });
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
