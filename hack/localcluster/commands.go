package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/openplp/khocr/hack/localcluster/internal/build"
	"github.com/openplp/khocr/hack/localcluster/internal/cluster"
	"github.com/openplp/khocr/hack/localcluster/internal/forward"
	"github.com/openplp/khocr/hack/localcluster/internal/preflight"
)

func rootCommand() *cobra.Command {
	root := &cobra.Command{
		Use:           "localcluster",
		Short:         "A real single-node Kubernetes without a registry or Docker",
		SilenceUsage:  true,
		SilenceErrors: true,
	}
	root.AddCommand(
		packagesCommand(), buildCommand(), upCommand(), downCommand(), statusCommand(), loadCommand(), execCommand(),
		componentCommand("start", "Start one component and wait until it works"),
		componentCommand("stop", "Stop one component; containers keep running"),
		componentCommand("restart", "Stop one component and start it again"),
		enterCommand(), forwardCommand(),
	)
	return root
}

func packagesCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "packages",
		Short: "List the Debian packages that a cluster needs, one a line",
		Args:  cobra.NoArgs,
		Run: func(cmd *cobra.Command, _ []string) {
			fmt.Fprintln(cmd.OutOrStdout(), strings.Join(preflight.Packages(), "\n"))
		},
	}
}

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
	if err := errors.Join(preflight.Check(), preflight.CheckState(options.Folder)); err != nil {
		return err
	}
	progress := progress()
	if err := build.All(cmd.Context(), source, options.Bin, progress); err != nil {
		return err
	}
	release, err := cluster.Lock(options.Folder)
	if err != nil {
		return err
	}
	defer release()
	c, err := cluster.Prepare(options, progress)
	if err != nil {
		return err
	}
	if err := c.Up(cmd.Context()); err != nil {
		return err
	}
	progress("cluster " + options.Name + " is up")
	return nil
}

func downCommand() *cobra.Command {
	var folder string
	var keepData bool
	cmd := &cobra.Command{
		Use:   "down",
		Short: "End a cluster and remove all that it has made",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := makeAbsolute(&folder); err != nil {
				return err
			}
			c, err := cluster.OpenForDown(folder, progress())
			if err != nil || c == nil {
				return err
			}
			release, err := cluster.Lock(folder)
			if err != nil {
				return err
			}
			defer release()
			return c.Down(cmd.Context(), keepData)
		},
	}
	dirFlag(cmd, &folder)
	cmd.Flags().BoolVar(&keepData, "keep-data", false, "keep the state folder, from which up continues")
	return cmd
}

func statusCommand() *cobra.Command {
	var folder string
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "status",
		Short: "Show the processes and addresses of a cluster",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			c, err := openCluster(folder)
			if err != nil {
				return err
			}
			status := c.Status()
			if asJSON {
				encoder := json.NewEncoder(cmd.OutOrStdout())
				encoder.SetIndent("", "  ")
				return encoder.Encode(status)
			}
			printStatus(cmd.OutOrStdout(), status)
			return nil
		},
	}
	dirFlag(cmd, &folder)
	cmd.Flags().BoolVar(&asJSON, "json", false, "for programs")
	return cmd
}

func loadCommand() *cobra.Command {
	var folder string
	cmd := &cobra.Command{
		Use:   "load TARBALL...",
		Short: "Import images from docker-archives and print their names",
		Args:  cobra.MinimumNArgs(1),
		RunE: func(cmd *cobra.Command, archives []string) error {
			c, err := openCluster(folder)
			if err != nil {
				return err
			}
			for i := range archives {
				if err := makeAbsolute(&archives[i]); err != nil {
					return err
				}
			}
			names, err := c.Load(cmd.Context(), archives...)
			for _, name := range names {
				fmt.Fprintln(cmd.OutOrStdout(), name)
			}
			return err
		},
	}
	dirFlag(cmd, &folder)
	return cmd
}

func componentCommand(verb, short string) *cobra.Command {
	var folder string
	var kill bool
	cmd := &cobra.Command{
		Use:       verb + " COMPONENT",
		Short:     short,
		Args:      cobra.MatchAll(cobra.ExactArgs(1), cobra.OnlyValidArgs),
		ValidArgs: cluster.Components(),
		RunE: func(cmd *cobra.Command, args []string) error {
			c, err := openCluster(folder)
			if err != nil {
				return err
			}
			release, err := cluster.Lock(folder)
			if err != nil {
				return err
			}
			defer release()
			if verb != "start" {
				if err := c.Stop(cmd.Context(), args[0], kill); err != nil {
					return err
				}
			}
			if verb != "stop" {
				return c.Start(cmd.Context(), args[0])
			}
			return nil
		},
	}
	dirFlag(cmd, &folder)
	if verb != "start" {
		cmd.Flags().BoolVar(&kill, "kill", false, "end it at once, as a crash would")
	}
	return cmd
}

func dirFlag(cmd *cobra.Command, folder *string) {
	cmd.Flags().StringVar(folder, "dir", "", "state folder of the cluster")
	_ = cmd.MarkFlagRequired("dir")
}

func openCluster(folder string) (*cluster.Cluster, error) {
	if err := makeAbsolute(&folder); err != nil {
		return nil, err
	}
	return cluster.Open(folder, progress())
}

func makeAbsolute(path *string) error {
	if *path == "" {
		return nil
	}
	absolute, err := filepath.Abs(*path)
	if err != nil {
		return fmt.Errorf("finding the place of %s: %w", *path, err)
	}
	*path = absolute
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

// progress returns a function that prints a line with the time since now. It
// goes to the standard error, so that a verb's answer can be read by a script.
func progress() func(string) {
	started := time.Now()
	return func(line string) {
		fmt.Fprintf(os.Stderr, "%6.1fs %s\n", time.Since(started).Seconds(), line)
	}
}
