/** Tells the editor where its workers are. The bundler makes files of them. */
import "graphiql/setup-workers/webpack";
