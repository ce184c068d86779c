package main

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/openplp/khocr/hack/localcluster/internal/build"
	"github.com/openplp/khocr/hack/localcluster/internal/cluster"
	"github.com/openplp/khocr/hack/localcluster/internal/forward"
	"github.com/openplp/khocr/hack/localcluster/internal/lock"
	"github.com/openplp/khocr/hack/localcluster/internal/preflight"
)

func buildCommand() *cobra.Command {
	var bin, source string
	cmd := &cobra.Command{
		Use:   "build",
		Short: "Build Kubernetes and etcd; what is up to date is left alone",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			source, bin, err := places(source, bin)
			if err != nil {
				return err
			}
			return build.All(cmd.Context(), source, bin, progress())
		},
	}
	buildFlags(cmd, &bin, &source)
	return cmd
}

func buildFlags(cmd *cobra.Command, bin, source *string) {
	cmd.Flags().StringVar(bin, "bin", "", "folder for the programs (default bin/k8s of the repository)")
	cmd.Flags().StringVar(source, "source", "", "folder of this program's source (default: found from the working folder)")
}

func upCommand() *cobra.Command {
	var options cluster.Options
	var source string
	var forwards []string
	cmd := &cobra.Command{
		Use:   "up",
		Short: "Start a cluster, or what is missing of it, and wait until pods can run",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := cluster.CheckName(options.Name); err != nil {
				return err
			}
			for _, text := range forwards {
				f, err := forward.Parse(text)
				if err != nil {
					return err
				}
				options.Forwards = append(options.Forwards, f)
			}
			return up(cmd, options, source)
		},
	}
	buildFlags(cmd, &options.Bin, &source)
	cmd.Flags().StringVar(&options.Name, "name", "khocr", "name of the cluster and of its node")
	cmd.Flags().StringVar(&options.Folder, "dir", "", "state folder, made for the cluster and removed with it")
	cmd.Flags().StringVar(&options.Kubeconfig, "kubeconfig", "", "file to write the access to (default: in the state folder)")
	cmd.Flags().StringVar(&options.AuditPolicy, "audit-policy", "", "audit policy of the API server; it logs to logs/audit.log of the state folder")
	cmd.Flags().StringArrayVar(&forwards, "forward", nil, "LISTEN=PORT: forward an address of the host to a node port, as in 127.0.0.1:0=30080 (repeatable)")
	_ = cmd.MarkFlagRequired("dir")
	return cmd
}

func up(cmd *cobra.Command, options cluster.Options, source string) error {
	var err error
	if source, options.Bin, err = places(source, options.Bin); err != nil {
		return err
	}
	for _, path := range []*string{&options.Folder, &options.Kubeconfig, &options.AuditPolicy} {
		if err := makeAbsolute(path); err != nil {
			return err
		}
	}
	for _, err := range []error{
		preflight.CheckRoot(), preflight.CheckPackages(), preflight.CheckState(options.Folder),
		cluster.CheckFree(options.Name, options.Folder),
	} {
		if err != nil {
			return err
		}
	}
	progress := progress()
	if err := build.All(cmd.Context(), source, options.Bin, progress); err != nil {
		return err
	}
	release, err := lock.Folder(options.Folder)
	if err != nil {
		return err
	}
	defer release()
	c, err := cluster.Prepare(options, progress)
	if err != nil {
		_ = os.Remove(options.Folder) // if it is empty, the lock has just made it
		return err
	}
	if err := c.Up(cmd.Context()); err != nil {
		return err
	}
	progress("cluster " + options.Name + " is up")
	return nil
}

// places finds the folders of the source and of the programs.
func places(source, bin string) (string, string, error) {
	if source == "" {
		found, err := findSource()
		if err != nil {
			return "", "", err
		}
		source = found
	}
	if bin == "" {
		bin = filepath.Join(source, "..", "..", "bin", "k8s")
	}
	if err := errors.Join(makeAbsolute(&source), makeAbsolute(&bin)); err != nil {
		return "", "", err
	}
	return source, bin, nil
}

// findSource looks upwards from the working folder, then from this program.
func findSource() (string, error) {
	var starts []string
	if folder, err := os.Getwd(); err == nil {
		starts = append(starts, folder)
	}
	if self, err := os.Executable(); err == nil {
		starts = append(starts, filepath.Dir(self))
	}
	for _, folder := range starts {
		for ; ; folder = filepath.Dir(folder) {
			source := filepath.Join(folder, "hack", "localcluster")
			if _, err := os.Stat(filepath.Join(source, "kubernetes", "go.mod")); !errors.Is(err, fs.ErrNotExist) {
				return source, err
			}
			if folder == filepath.Dir(folder) {
				break
			}
		}
	}
	return "", errors.New("the source of this program was not found from here; say where it is with --source")
}
