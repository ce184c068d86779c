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
	told := false
	err := wait.PollUntilContextCancel(ctx, time.Second, true, func(context.Context) (bool, error) {
		var err error
		watcher, err = certwatcher.New(filepath.Join(folder, "tls.crt"), filepath.Join(folder, "tls.key"))
		if err != nil && !told {
			log.InfoContext(ctx, "waiting for the certificate of the internal port", "folder", folder, "err", err)
			told = true
		}
		return err == nil, nil
	})
	if err != nil {
		return nil, fmt.Errorf("wait for a certificate: %w", err)
	}
	return watcher, nil
}

// TLSConfig serves the certificate that a watcher last saw. Both ends are ours, so nothing older than TLS 1.3 is spoken.
func TLSConfig(watcher *certwatcher.CertWatcher) *tls.Config {
	return &tls.Config{MinVersion: tls.VersionTLS13, GetCertificate: watcher.GetCertificate}
}
