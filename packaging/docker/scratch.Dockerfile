# Forebay in an image that has nothing else than it and the C library: no shell, and no base image that a
# registry would have to be asked for. It is made of the folder that `cargo xtask dist` leaves:
#
#   cd target/dist/forebay-VERSION-TARGET
#   mkdir root && ldd forebay | grep -o '/[^ ]*' | xargs -I{} cp -L --parents {} root
#   docker build -f ../../../packaging/docker/scratch.Dockerfile -t forebay .
#
# and is run as the other one:
#
#   docker run -p 8432:8432 -v forebay:/data -v ./token:/run/secrets/forebay_token:ro forebay
#
# There are no certificates of authorities in it, for TLS to databases, and no time zones but UTC, for
# schedules. Mount what is needed: -v /etc/ssl/certs:/etc/ssl/certs:ro,
# -v /usr/share/zoneinfo:/usr/share/zoneinfo:ro.

FROM scratch
COPY root /
COPY forebay /usr/bin/forebay
COPY LICENSE-APACHE LICENSE-MIT /usr/share/doc/forebay/
# The folder has to be the user's, and nothing in the image could make one.
COPY --chown=65532:65532 LICENSE-MIT /data/
USER 65532:65532
WORKDIR /data
VOLUME /data
EXPOSE 8432
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=5s --start-period=10s CMD ["/usr/bin/forebay", "ready"]
ENTRYPOINT ["/usr/bin/forebay"]
CMD ["serve", "sqlite:/data/forebay.db", "--listen", "0.0.0.0:8432", \
     "--token-file", "/run/secrets/forebay_token"]
