// Package build makes the programs that a cluster consists of from their Go
// modules. Versions are those of the go.mod files beside it and of nothing
// else; it must never fetch a program that somebody else has built.
package build

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"time"

	"github.com/openplp/khocr/hack/localcluster/internal/image"
	"github.com/openplp/khocr/hack/localcluster/internal/lock"
)

const (
	// PauseImage is the name of the image that holds a pod's namespaces.
	PauseImage = "localhost/pause:1"
	// pauseArchive is its file beside the programs.
	pauseArchive = "pause.tar"

	pauseProgram     = "pause"
	kubernetesModule = "k8s.io/kubernetes"
)

// PauseArchive is the path of the pause image in a folder of programs.
func PauseArchive(bin string) string { return filepath.Join(bin, pauseArchive) }

// A program is built from one Go package of one module folder.
type program struct {
	name   string
	module string // folder of the module, below the source folder
	path   string // the package
	flags  string // of the linker
}

// All builds what is not up to date in the folder bin, from the modules below
// the folder source, and calls progress with a line for each step.
func All(ctx context.Context, source, bin string, progress func(string)) error {
	programs, err := programs(source)
	if err != nil {
		return err
	}
	// Whoever comes second finds everything built.
	release, err := lock.Folder(bin)
	if err != nil {
		return err
	}
	defer release()
	stamps, err := readStamps(bin)
	if err != nil {
		return err
	}
	for _, p := range programs {
		want, err := p.stamp(source)
		if err != nil {
			return err
		}
		if stamps.upToDate(p.name, want) {
			continue
		}
		progress("building " + p.name)
		started := time.Now()
		if err := p.build(ctx, source, bin); err != nil {
			return fmt.Errorf("building %s: %w", p.name, err)
		}
		if err := stamps.set(p.name, want); err != nil {
			return err
		}
		progress(fmt.Sprintf("built %s in %s", p.name, time.Since(started).Round(time.Second)))
	}
	return nil
}

// programs lists what a cluster needs. etcd comes first, since it is quick and
// shows early that modules can be had at all.
func programs(source string) ([]program, error) {
	version, err := moduleVersion(filepath.Join(source, "kubernetes", "go.mod"), kubernetesModule)
	if err != nil {
		return nil, err
	}
	all := []program{
		{name: "etcd", module: "etcd", path: "go.etcd.io/etcd/server/v3"},
		{name: pauseProgram, module: ".", path: "./pause"},
		{name: "versitygw", module: "s3", path: "github.com/versity/versitygw/cmd/versitygw"},
	}
	for _, name := range []string{
		"kubectl", "kube-apiserver", "kube-controller-manager", "kube-scheduler", "kubelet", "kube-proxy",
	} {
		all = append(all, program{
			name:   name,
			module: "kubernetes",
			path:   kubernetesModule + "/cmd/" + name,
			flags:  versionFlags(version),
		})
	}
	return all, nil
}

// versionFlags tells the programs their version. Without them each one claims
// to be v0.0.0, which the API server's and kubelet's version checks refuse or
// misread.
func versionFlags(version string) string {
	parts := strings.SplitN(strings.TrimPrefix(version, "v"), ".", 3)
	var flags []string
	for _, library := range []string{"k8s.io/component-base/version", "k8s.io/client-go/pkg/version"} {
		for _, variable := range [][2]string{
			{"gitVersion", version}, {"gitMajor", parts[0]}, {"gitMinor", parts[1]}, {"gitTreeState", "clean"},
		} {
			flags = append(flags, "-X "+library+"."+variable[0]+"="+variable[1])
		}
	}
	return strings.Join(flags, " ")
}

func moduleVersion(file, module string) (string, error) {
	content, err := os.ReadFile(file)
	if err != nil {
		return "", fmt.Errorf("reading the version of %s: %w", module, err)
	}
	pattern := regexp.MustCompile(`(?m)^(?:require)?\s*` + regexp.QuoteMeta(module) + ` (v\d+\.\d+\.\d+\S*)`)
	match := pattern.FindSubmatch(content)
	if match == nil {
		return "", fmt.Errorf("reading the version of %s: %s does not require it", module, file)
	}
	return string(match[1]), nil
}

func (p program) build(ctx context.Context, source, bin string) error {
	target, err := filepath.Abs(filepath.Join(bin, p.name))
	if err != nil {
		return err
	}
	// The new program replaces the old one at once: a running one must neither
	// be in the way nor change under its process.
	partial := target + ".partial"
	command := exec.CommandContext(ctx, "go", "build", "-trimpath", "-ldflags", "-s -w "+p.flags, "-o", partial, p.path)
	command.Dir = filepath.Join(source, p.module)
	// Without cgo the programs are static, run on any distribution, and build
	// without a C compiler. A workspace file above must not mix the modules.
	command.Env = append(os.Environ(), "CGO_ENABLED=0", "GOWORK=off")
	command.Stdout, command.Stderr = os.Stderr, os.Stderr
	if err := command.Run(); err != nil {
		return fmt.Errorf("running go build: %w", err)
	}
	if err := os.Rename(partial, target); err != nil {
		return err
	}
	if p.name == pauseProgram {
		return image.WriteProgram(PauseArchive(bin), PauseImage, target, runtime.GOARCH)
	}
	return nil
}
