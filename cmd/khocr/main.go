// Command khocr is for people who use or run khocr. Under the name kubectl-ocr it is a plugin of kubectl.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"github.com/openplp/khocr/client"
)

// version is set by the linker.
var version = "dev"

// Names under which kubectl calls the program: for `kubectl ocr`, and to complete its command line.
const (
	pluginName     = "kubectl-ocr"
	completionName = "kubectl_complete-ocr"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	// The second Ctrl-C ends it at once.
	context.AfterFunc(ctx, stop)
	p := &program{getenv: os.Getenv, in: os.Stdin, out: os.Stdout, errs: os.Stderr}
	os.Exit(p.run(ctx, filepath.Base(os.Args[0]), os.Args[1:]))
}

// program is the whole program but for the process.
type program struct {
	getenv    func(string) string
	in        io.Reader
	out, errs io.Writer

	// plugin says that kubectl has called.
	plugin     bool
	language   language
	connection connection
	// line is what was called, for people to call again.
	line string
}

// run returns the exit status.
func (p *program) run(ctx context.Context, name string, arguments []string) int {
	p.language = languageOf(p.getenv)
	p.plugin = name == pluginName || name == completionName
	if name == completionName {
		arguments = append([]string{cobra.ShellCompRequestCmd}, arguments...)
	}
	root := p.root()
	words := []string{root.DisplayName()}
	for _, argument := range arguments {
		words = append(words, shellWord(argument))
	}
	p.line = strings.Join(words, " ")
	root.SetArgs(arguments)
	root.SetIn(p.in)
	root.SetOut(p.out)
	root.SetErr(p.errs)

	command, err := root.ExecuteContextC(ctx)
	if err == nil {
		return 0
	}
	if !errors.As(err, &failure{}) {
		p.tell(sayMisuse.in(p.language, err, command.CommandPath()))
		return exitMisuse
	}
	status, message := p.explain(err)
	if message != "" {
		p.tell(message)
	}
	return status
}

// tell says something to the person, beside what the command gives.
func (p *program) tell(what said) {
	_, _ = fmt.Fprintf(p.errs, "khocr: %s\n", what)
}

func (p *program) root() *cobra.Command {
	root := &cobra.Command{
		Use:           "khocr",
		Short:         "Khmer OCR on Kubernetes, from the command line",
		Version:       version,
		SilenceErrors: true,
		SilenceUsage:  true,
	}
	flags := root.PersistentFlags()
	flags.Var(&p.language, "lang", "`language` of messages, en or km (default by LANG)")
	flags.StringVar(&p.connection.keyFile, "key-file", "", "`file` with the API key, or - for standard input (default the key in "+envKey+")")
	flags.StringVar(&p.connection.keySecret, "key-secret", "", "Secret of the cluster with the API key, as `namespace/name[:entry]`")
	flags.StringVar(&p.connection.kubeconfig, "kubeconfig", "", "kubeconfig `file` for orgs, --key-secret and the plugin")
	flags.StringVar(&p.connection.context, "context", "", "`context` of the kubeconfig")
	if p.plugin {
		root.Use = pluginName
		root.Annotations = map[string]string{cobra.CommandDisplayNameAnnotation: "kubectl ocr"}
		flags.StringVarP(&p.connection.namespace, "namespace", "n", "khocr-system", "`namespace` that the platform runs in")
	} else {
		flags.StringVar(&p.connection.server, "server", "", "`address` of the platform, such as https://ocr.example.com (default "+envURL+")")
	}
	root.MarkFlagsMutuallyExclusive("key-file", "key-secret")
	root.AddCommand(p.convertCommand(), p.jobsCommand(), p.watchCommand(), p.cancelCommand(), p.deleteCommand(), p.retryCommand(),
		p.resultCommand(), p.usageCommand(), p.modelsCommand(), p.orgsCommand(), keysCommand(), versionCommand())
	return root
}

func versionCommand() *cobra.Command {
	return &cobra.Command{
		Use: "version", Short: "Print the version", Args: cobra.NoArgs,
		RunE: work(func(command *cobra.Command) error {
			_, err := fmt.Fprintln(command.OutOrStdout(), version)
			return err
		}),
	}
}

// failure is an error of a command's own work, as opposed to one of its command line.
type failure struct{ error }

func (f failure) Unwrap() error { return f.error }

// group is a command that only has others below it.
func group(name, short string, commands ...*cobra.Command) *cobra.Command {
	command := &cobra.Command{Use: name, Short: short, Args: cobra.NoArgs, RunE: func(c *cobra.Command, _ []string) error { return c.Help() }}
	command.AddCommand(commands...)
	return command
}

// work is what a command does once its command line is understood.
func work(do func(*cobra.Command) error) func(*cobra.Command, []string) error {
	return func(command *cobra.Command, _ []string) error {
		if err := do(command); err != nil {
			return failure{err}
		}
		return nil
	}
}

// shortPatience is for questions that somebody waits for.
const shortPatience = 10 * time.Second

// online is what a command does with the platform.
func (p *program) online(do func(context.Context, *client.Client, []string) error) func(*cobra.Command, []string) error {
	return func(command *cobra.Command, arguments []string) error {
		platform, err := p.connect(command.Context())
		if err == nil {
			err = do(command.Context(), platform, arguments)
		}
		if err != nil {
			return failure{err}
		}
		return nil
	}
}

// ask asks the platform, more than once where that may help.
func ask[T any](ctx context.Context, p *program, question func() (T, error)) (answer T, err error) {
	patience := client.Patience{For: shortPatience, Tell: p.tellPause}
	err = patience.Insist(ctx, func() error {
		answer, err = question()
		return err
	})
	return answer, err
}

func (p *program) tellPause(err error, pause time.Duration) {
	p.tell(p.pauseText(err, pause))
}

// pauseText says why there is a pause.
func (p *program) pauseText(err error, pause time.Duration) said {
	why := sayNoAnswer.in(p.language)
	if problem := new(client.ProblemError); errors.As(err, &problem) {
		why = sayBusy.in(p.language)
	}
	return sayAgain.in(p.language, why, pause.Round(100*time.Millisecond))
}
