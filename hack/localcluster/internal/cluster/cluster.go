package cluster

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"

	"github.com/openplp/khocr/hack/localcluster/internal/isolation"
)

// EnterVerb is the hidden verb of this program that runs a command inside a
// cluster.
const EnterVerb = "enter"

// Cluster is one cluster, running or not.
type Cluster struct {
	settings    Settings
	state       state
	namespaces  isolation.Namespaces
	cgroup      isolation.Cgroup
	auditPolicy []byte
	self        string // this program
	progress    func(string)
}

func newCluster(folder string, settings Settings, progress func(string)) (*Cluster, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, fmt.Errorf("finding this program: %w", err)
	}
	c := &Cluster{
		settings:   settings,
		state:      state(folder),
		namespaces: isolation.Namespaces{Name: settings.Name},
		cgroup:     isolation.Cgroup{Name: settings.Name},
		self:       self,
		progress:   progress,
	}
	if settings.AuditPolicy != "" {
		if c.auditPolicy, err = os.ReadFile(settings.AuditPolicy); err != nil {
			return nil, fmt.Errorf("reading the audit policy: %w", err)
		}
	}
	return c, nil
}

// Open finds the cluster of a state folder.
func Open(folder string, progress func(string)) (*Cluster, error) {
	settings, err := state(folder).readSettings()
	if err != nil {
		return nil, err
	}
	return newCluster(folder, settings, progress)
}

// Enter replaces this process by a command inside the cluster.
func (c *Cluster) Enter(command []string) error {
	if err := c.checkRunning(); err != nil {
		return err
	}
	return isolation.Enter(c.namespaces, c.cgroup, command)
}

func (c *Cluster) checkRunning() error {
	if !c.namespaces.Exist() {
		return fmt.Errorf("cluster %s is not running; start it with up", c.settings.Name)
	}
	return nil
}

func (c *Cluster) insideCommand(command ...string) []string {
	return append([]string{c.self, EnterVerb, c.settings.Name, "--"}, command...)
}

// inside prepares a command that runs inside the cluster.
func (c *Cluster) inside(ctx context.Context, command ...string) *exec.Cmd {
	words := c.insideCommand(command...)
	return exec.CommandContext(ctx, words[0], words[1:]...)
}

func (c *Cluster) program(name string) string { return filepath.Join(c.settings.Bin, name) }
