package internalport

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"time"

	"github.com/openplp/khocr/apigateway/serving"
	"github.com/openplp/khocr/internal/workerport"
)

const (
	// lookupTime bounds the search for the store's addresses. The document is streamed without them.
	lookupTime = 5 * time.Second
	// mostAddresses of a store are told. A large one has more, and any will do.
	mostAddresses = 4
)

// redirect sends the worker to the store, if the store signs URLs and is reached over TLS: a document crosses no network in the
// clear. It tells whether it has answered. No log and no error of it holds the URL.
func (s *Server) redirect(w http.ResponseWriter, r *http.Request, key string) bool {
	signed, err := s.Store.SignedURL(r.Context(), key)
	if err == nil && (signed == nil || signed.Scheme != "https") {
		return false
	}
	var addresses []string
	if err == nil {
		addresses, err = addressesOf(r.Context(), signed)
	}
	if err != nil {
		s.Log.WarnContext(r.Context(), "a document is streamed, since its worker cannot be sent to the store",
			"request_id", serving.RequestFrom(r.Context()).ID, "err", err)
		return false
	}
	w.Header().Set("Location", signed.String())
	w.Header().Set("Cache-Control", "no-store")
	writeJSON(w, http.StatusTemporaryRedirect, workerport.Direct{Addresses: addresses, Authorities: s.StoreAuthorities})
	return true
}

// addressesOf finds where the host of a URL over TLS is reached.
func addressesOf(ctx context.Context, at *url.URL) ([]string, error) {
	port := at.Port()
	if port == "" {
		port = "443"
	}
	ctx, cancel := context.WithTimeout(ctx, lookupTime)
	defer cancel()
	// An address is found to be itself.
	found, err := net.DefaultResolver.LookupNetIP(ctx, "ip", at.Hostname())
	if err != nil {
		return nil, fmt.Errorf("look the store's address up: %w", err)
	}
	return joined(found, port), nil
}

func joined(found []netip.Addr, port string) []string {
	var addresses []string
	for _, address := range found[:min(len(found), mostAddresses)] {
		addresses = append(addresses, net.JoinHostPort(address.Unmap().String(), port))
	}
	return addresses
}
