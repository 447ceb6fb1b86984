import { graphql } from "./graphql.ts";

export const ANSWER_CHANGED = graphql(`
  subscription AnswerChanged($queries: [WatchedQueryInput!]!) {
    answerChanged(queries: $queries) {
      key
      digest
    }
  }
`);

/** For the palette: the worst problems, of which it finds some by their words. */
export const WORST_PROBLEMS = graphql(`
  query WorstProblems {
    problems(first: 100) {
      nodes {
        id
        severity
        since
        text
        project
        queueName
        poolName
        job {
          id
        }
      }
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
