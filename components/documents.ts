import { graphql } from "./graphql.ts";

export const ANSWER_CHANGED = graphql(`
  subscription AnswerChanged($queries: [WatchedQueryInput!]!) {
    answerChanged(queries: $queries) {
      key
      digest
    }
  }
`);

/** For the palette. */
export const FIND_QUEUES = graphql(`
  query FindQueues($search: String!) {
    queues(allProjects: true, filter: { search: $search }, first: 8) {
      nodes {
        project
        name
        stats {
          ready
          exact
        }
      }
    }
  }
`);
