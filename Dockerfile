# PostgreSQL 17 with ward preloaded and pgvector at hand.
#   docker build -t ward .
#   docker run -e POSTGRES_PASSWORD=… -p 5432:5432 ward
# Every step is a script that make and the tests run too.

FROM rust:1.95-slim AS rust

FROM postgres:17 AS build
COPY --from=rust /usr/local/rustup /usr/local/rustup
COPY --from=rust /usr/local/cargo /usr/local/cargo
ENV RUSTUP_HOME=/usr/local/rustup CARGO_HOME=/usr/local/cargo PATH=/usr/local/cargo/bin:$PATH \
    WARD_CACHE=/var/cache/ward PG_CONFIG=/usr/lib/postgresql/17/bin/pg_config
WORKDIR /ward
COPY scripts scripts
COPY Cargo.toml ./
RUN scripts/setup-system.sh && scripts/setup-rust.sh
COPY . .
RUN DESTDIR=/stage scripts/install-into.sh

FROM postgres:17
COPY scripts/image-runtime.sh /tmp/
RUN /tmp/image-runtime.sh && rm /tmp/image-runtime.sh
COPY --from=build /stage/ /
COPY scripts/image-init.sh /docker-entrypoint-initdb.d/10-ward.sh
COPY scripts/image-health.sh /usr/local/bin/ward-health
# The audit log and its key: apart from the data, and kept when the container goes.
VOLUME /var/lib/postgresql/ward
USER postgres
HEALTHCHECK --interval=10s --timeout=5s --start-period=60s CMD ["ward-health"]
CMD ["postgres", "-c", "shared_preload_libraries=ward", "-c", "ward.audit_directory=/var/lib/postgresql/ward"]
