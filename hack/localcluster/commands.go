package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/openplp/khocr/hack/localcluster/internal/cluster"
	"github.com/openplp/khocr/hack/localcluster/internal/lock"
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

func downCommand() *cobra.Command {
	var folder string
	var keepData bool
	cmd := &cobra.Command{
		Use:   "down",
		Short: "End a cluster and remove all that it has made",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := errors.Join(preflight.CheckRoot(), makeAbsolute(&folder)); err != nil {
				return err
			}
			c, err := cluster.OpenForDown(folder, progress())
			if err != nil || c == nil {
				return err // nothing there is as good as removed
			}
			release, err := lock.Folder(folder)
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
			release, err := lock.Folder(folder)
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
	if err := errors.Join(preflight.CheckRoot(), makeAbsolute(&folder)); err != nil {
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

// progress returns a function that prints a line with the time since now. It
// goes to the standard error, so that a verb's answer can be read by a script.
func progress() func(string) {
	started := time.Now()
	return func(line string) {
		fmt.Fprintf(os.Stderr, "%6.1fs %s\n", time.Since(started).Seconds(), line)
	}
}
