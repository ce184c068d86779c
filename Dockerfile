# syntax=docker/dockerfile:1
# The images of khocr for those who have Docker; `make images` builds the same ones without.
#   docker build --target manager --build-arg VERSION=v0.1.0 --tag registry.example.com/khocr/manager:v0.1.0 .

FROM debian:bookworm AS build
COPY hack/packages.txt hack/packages.sh /src/hack/
RUN apt-get update && apt-get install --yes --no-install-recommends gcc git make && /src/hack/packages.sh build image
COPY --from=golang:1.26-bookworm /usr/local/go /usr/local/go
ENV PATH=/usr/local/go/bin:$PATH
WORKDIR /src
COPY go.mod go.sum ./
COPY hack/images/go.mod hack/images/go.sum hack/images/
RUN go mod download && go -C hack/images mod download
COPY . .
ARG VERSION=dev
RUN make build VERSION=$VERSION && go build -C hack/images -o /usr/local/bin/ .

FROM build AS rootfs
RUN for image in manager apigateway relay worker; do images stage --bin bin --rootfs /rootfs/$image $image; done

FROM scratch AS manager
COPY --from=rootfs /rootfs/manager /
USER 65532:65532
ENTRYPOINT ["/usr/local/bin/manager"]

FROM scratch AS apigateway
COPY --from=rootfs /rootfs/apigateway /
USER 65532:65532
ENTRYPOINT ["/usr/local/bin/apigateway"]

FROM scratch AS relay
COPY --from=rootfs /rootfs/relay /
USER 65532:65532
ENTRYPOINT ["/usr/local/bin/relay"]

# The worker's engine links MuPDF, which is licensed under the AGPL-3.0: see /usr/share/doc/khocr/NOTICE in the image.
FROM scratch AS worker
COPY --from=rootfs /rootfs/worker /
USER 65532:65532
ENV TESSDATA_PREFIX=/usr/share/tesseract-ocr/5/tessdata
ENV OMP_THREAD_LIMIT=1
ENTRYPOINT ["/usr/local/bin/worker"]
