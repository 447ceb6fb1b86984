# The service without a database: DATABASE_URL and SECRET_KEY are needed. See docs/deploying.md.
#
# The version of Node is that of the package "node" in package.json.
ARG NODE_VERSION=24.21.0

FROM node:${NODE_VERSION}-bookworm-slim AS build
USER node
RUN mkdir /home/node/source /home/node/app /home/node/data
WORKDIR /home/node/source
COPY --chown=node:node package.json package-lock.json ./
RUN npm ci --no-audit --no-fund
COPY --chown=node:node . .
# Compiles the server and builds the pages: a start builds nothing.
RUN npm pack && tar --extract --strip-components=1 --directory=../app --file isimud-*.tgz && cp package-lock.json ../app
WORKDIR /home/node/app
# The lock file says which packages. None brings a second Node, or the embedded database. What only builds read goes.
RUN npm ci --omit=dev --omit=optional --ignore-scripts --no-audit --no-fund \
  && node ../source/server/cli/trim-packages.ts . \
  && mkdir bin && ln -s ../dist/server/cli/launch.mjs bin/isimud && chmod +x dist/server/cli/launch.mjs

FROM node:${NODE_VERSION}-bookworm-slim
LABEL org.opencontainers.image.title="Isimud" \
      org.opencontainers.image.description="A message-queue service on PostgreSQL" \
      org.opencontainers.image.licenses="Apache-2.0"
COPY --from=build --chown=0:0 /home/node/app /opt/isimud
COPY --from=build --chown=10001:10001 /home/node/data /data
ENV PATH="/opt/isimud/bin:$PATH" \
    NODE_ENV=production \
    AUTH=accounts \
    HOST=0.0.0.0 \
    DATA_DIR=/data
WORKDIR /opt/isimud
# A number: Kubernetes checks that it is not root.
USER 10001:10001
VOLUME /data
EXPOSE 3000
HEALTHCHECK --interval=10s --timeout=5s --start-period=60s --retries=3 \
  CMD ["node", "-e", "const { PORT = 3000, BASE_PATH = '' } = process.env; \
fetch(`http://127.0.0.1:${PORT}${BASE_PATH}/api/health/live`) \
.then(({ ok }) => process.exit(ok ? 0 : 1), () => process.exit(1))"]
# The process itself gets the signals.
ENTRYPOINT ["node", "--max-semi-space-size=16", \
  "--import", "/opt/isimud/dist/server/cli/check-node.mjs", "/opt/isimud/dist/server/cli/isimud.js"]
CMD ["start"]
