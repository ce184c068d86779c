// Package cluster runs one Kubernetes node with its control plane out of one
// state folder: it starts, watches the start of, stops and removes it. Every
// verb works on whatever an earlier one has left, complete or not. The package
// must never touch a process, file or kernel object that is not the cluster's
// own, the kubeconfig excepted, which it writes where it was told to.
package cluster

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"

	"github.com/openplp/khocr/hack/localcluster/internal/forward"
	"github.com/openplp/khocr/hack/localcluster/internal/isolation"
)

// Every cluster has a network of its own, so all use the same addresses.
const (
	NodeIP      = "10.240.0.1"
	PodCIDR     = "10.244.0.0/24"
	ServiceCIDR = "10.96.0.0/16"
	// apiServiceIP is the first address of ServiceCIDR, where pods find the API server.
	apiServiceIP = "10.96.0.1"
	apiPort      = 6443
)

// Settings is what a cluster was asked to be. They are kept in the state
// folder, so that the other verbs need only that.
type Settings struct {
	Name string `json:"name"`
	// Bin is the folder with the programs.
	Bin string `json:"bin"`
	// Kubeconfig is the file for the cluster's users.
	Kubeconfig string `json:"kubeconfig"`
	// AuditPolicy is the API server's audit policy; empty for no audit log.
	AuditPolicy string `json:"auditPolicy,omitempty"`
	// API is the way to the API server, Forwards are those to node ports.
	API      forward.Forward   `json:"api"`
	Forwards []forward.Forward `json:"forwards"`
}

// The name is a node's, a folder's and a control group's.
var nameForm = regexp.MustCompile(`^[a-z0-9]([-a-z0-9]{0,38}[a-z0-9])?$`)

// CheckName says what is wrong with a cluster's name.
func CheckName(name string) error {
	if !nameForm.MatchString(name) {
		return fmt.Errorf("cluster name %q: want up to 40 lower-case letters, digits and dashes", name)
	}
	return nil
}

// CheckFree says whether another cluster runs under the name.
func CheckFree(name, folder string) error {
	return isolation.Namespaces{Name: name}.CheckOwner(folder)
}

// state is the folder of a cluster.
type state string

func (s state) path(parts ...string) string {
	return filepath.Join(append([]string{string(s)}, parts...)...)
}

func (s state) settingsFile() string          { return s.path("cluster.json") }
func (s state) forwardsFile() string          { return s.path("forwards.json") }
func (s state) pki() string                   { return s.path("pki") }
func (s state) configFile(name string) string { return s.path("config", name) }
func (s state) logFile(name string) string    { return s.path("logs", name+".log") }
func (s state) recordFile(name string) string { return s.path("processes", name+".json") }
func (s state) volume(name string) string     { return s.path("volumes", name) }

// errNoCluster says that a folder holds no cluster.
var errNoCluster = errors.New("no cluster here; make one with up")

func (s state) readSettings() (Settings, error) {
	var settings Settings
	content, err := os.ReadFile(s.settingsFile())
	if errors.Is(err, fs.ErrNotExist) {
		return settings, fmt.Errorf("state folder %s: %w", s, errNoCluster)
	}
	if err != nil {
		return settings, fmt.Errorf("reading the cluster's settings: %w", err)
	}
	if err := json.Unmarshal(content, &settings); err != nil {
		return settings, fmt.Errorf("reading the cluster's settings from %s: %w", s.settingsFile(), err)
	}
	return settings, nil
}

// writeJSON replaces a file at once, so that a reader never sees half of it.
func writeJSON(path string, value any) error {
	content, err := json.MarshalIndent(value, "", "  ")
	if err != nil {
		return fmt.Errorf("writing %s: %w", path, err)
	}
	return writeFile(path, append(content, '\n'), 0o644)
}

func writeFile(path string, content []byte, mode fs.FileMode) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return fmt.Errorf("making the folder of %s: %w", path, err)
	}
	if err := os.WriteFile(path+".partial", content, mode); err != nil {
		return fmt.Errorf("writing %s: %w", path, err)
	}
	return os.Rename(path+".partial", path)
}
