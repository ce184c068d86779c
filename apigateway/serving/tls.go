package serving

import (
	"context"
	"crypto/tls"
	"fmt"
	"log/slog"
	"path/filepath"
	"time"

	"k8s.io/apimachinery/pkg/util/wait"
	"sigs.k8s.io/controller-runtime/pkg/certwatcher"
)

// AwaitCertificate waits until a folder holds tls.crt and tls.key that belong together, and returns what keeps up with
// their renewal once it is started.
func AwaitCertificate(ctx context.Context, folder string, log *slog.Logger) (*certwatcher.CertWatcher, error) {
	var watcher *certwatcher.CertWatcher
	told := ""
	err := wait.PollUntilContextCancel(ctx, time.Second, true, func(context.Context) (bool, error) {
		var err error
		watcher, err = certwatcher.New(filepath.Join(folder, "tls.crt"), filepath.Join(folder, "tls.key"))
		if err != nil && err.Error() != told {
			log.InfoContext(ctx, "waiting for a certificate", "folder", folder, "err", err)
			told = err.Error()
		}
		return err == nil, nil
	})
	if err != nil {
		return nil, fmt.Errorf("wait for a certificate: %w", err)
	}
	return watcher, nil
}

// Follow keeps up with the renewal of a certificate until ctx ends, also where the system does not watch its files for us: while
// they are away, or when there are too many watches on the node.
func Follow(ctx context.Context, certificate *certwatcher.CertWatcher, log *slog.Logger) {
	for told := false; ; told = true {
		err := certificate.Start(ctx)
		if ctx.Err() != nil {
			return
		}
		if !told {
			log.ErrorContext(ctx, "the files of a certificate cannot be watched: they are looked at now and then", "err", err)
		}
		// What goes wrong is counted by the watcher, and the certificate of before is served.
		_ = certificate.ReadCertificate()
	}
}

// InternalTLS is for ports whose clients are ours, so nothing older than TLS 1.3 is spoken.
const InternalTLS = tls.VersionTLS13

// PublicTLS is for customers: programs that have been in use for years may not know TLS 1.3, and TLS 1.2 as Go speaks it is
// not broken.
const PublicTLS = tls.VersionTLS12

// TLSConfig serves the certificate that a watcher last saw, by no older version of TLS than oldest.
func TLSConfig(watcher *certwatcher.CertWatcher, oldest uint16) *tls.Config {
	return &tls.Config{MinVersion: oldest, GetCertificate: watcher.GetCertificate}
}
