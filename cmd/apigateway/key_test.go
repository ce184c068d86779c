package main

import (
	"bytes"
	"context"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/openplp/khocr/internal/seal"
)

func TestTheKeyIsWaitedFor(t *testing.T) {
	file := filepath.Join(t.TempDir(), "key")
	if err := os.WriteFile(file, []byte("too short"), 0o600); err != nil {
		t.Fatal(err)
	}
	var log bytes.Buffer
	// The file becomes good once it was found wanting.
	told := writerFunc(func(p []byte) (int, error) {
		log.Write(p)
		return len(p), os.WriteFile(file, bytes.Repeat([]byte{7}, seal.MinKeyBytes), 0o600)
	})
	key, err := awaitKey(t.Context(), file, slog.New(slog.NewTextHandler(told, nil)))
	if err != nil {
		t.Fatal(err)
	}
	want, err := seal.NewKey(bytes.Repeat([]byte{7}, seal.MinKeyBytes))
	if err != nil {
		t.Fatal(err)
	}
	if !want.Signed("test", "message", key.Sign("test", "message")) {
		t.Error("the key is not the file's")
	}
	if !strings.Contains(log.String(), file) || strings.Contains(log.String(), "too short") {
		t.Errorf("log %q", log.String())
	}
}

func TestWaitingForTheKeyEndsWithTheProgram(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := awaitKey(ctx, filepath.Join(t.TempDir(), "none"), slog.New(slog.DiscardHandler)); err == nil {
		t.Error("there is a key")
	}
}

type writerFunc func([]byte) (int, error)

func (f writerFunc) Write(p []byte) (int, error) { return f(p) }
