// Command fuzz sends a running gateway valid and broken requests that it makes up from the OpenAPI document, and tells what
// it answers amiss. Use it on a platform that is there for tests: it submits documents and deletes jobs. The plan of the key
// should have high limits, since refusals by rate try nothing.
package main

import (
	"context"
	"flag"
	"fmt"
	"math/rand/v2"
	"net/url"
	"os"
	"os/signal"
	"strings"

	"github.com/openplp/khocr/test/fuzz"
)

func main() {
	address := flag.String("url", "http://127.0.0.1:8080", "address of the gateway")
	options := fuzz.Options{}
	flag.StringVar(&options.Key, "key", os.Getenv("KHOCR_KEY"), "API key, also KHOCR_KEY")
	flag.StringVar(&options.Other, "other-key", "", "API key of another organization, whose jobs must not be seen")
	skip := flag.String("skip", "", "operations to leave out, with commas between them")
	flag.IntVar(&options.Requests, "requests", 100_000, "how many requests to send")
	flag.IntVar(&options.Workers, "workers", 4, "how many to send at the same time")
	flag.Uint64Var(&options.Seed, "seed", rand.Uint64(), "seed of the requests, to try the same ones again")
	flag.Parse()
	options.Skip = strings.Split(*skip, ",")
	findings, err := run(*address, options)
	if err != nil {
		fmt.Fprintln(os.Stderr, "fuzz:", err)
		os.Exit(2)
	}
	if findings > 0 {
		os.Exit(1)
	}
}

func run(address string, options fuzz.Options) (findings int, err error) {
	parsed, err := url.Parse(address)
	if err != nil {
		return 0, fmt.Errorf("read --url: %w", err)
	}
	if parsed.Scheme != "http" || parsed.Host == "" {
		return 0, fmt.Errorf("--url must be of the form http://HOST:PORT, not %q", address)
	}
	options.Address = parsed.Host
	if parsed.Port() == "" {
		options.Address += ":80"
	}
	fmt.Println("seed", options.Seed)
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	report, err := fuzz.Run(ctx, options)
	if report == nil {
		return 0, err
	}
	return len(report.Findings), report.Write(os.Stdout)
}
