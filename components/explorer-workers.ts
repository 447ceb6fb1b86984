/** Tells the editor where its workers are; the bundler makes files of this site of them. */
import "graphiql/setup-workers/webpack";
