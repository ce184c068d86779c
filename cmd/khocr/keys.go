package main

import (
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/openplp/khocr/api/v1alpha1"
	"github.com/openplp/khocr/internal/apikey"
)

func keysCommand() *cobra.Command {
	return group("keys", "Make API keys, and find them again", newKeyCommand(), hashKeyCommand())
}

func newKeyCommand() *cobra.Command {
	var (
		organization string
		entry        v1alpha1.APIKey
	)
	command := &cobra.Command{
		Use:   "new --org ORGANIZATION --name NAME",
		Short: "Make an API key, and its entry for the organization's manifest",
		Long: `Make an API key, and its entry for the organization's manifest.

The entry, an item of spec.apiKeys, goes to standard output. It holds the key's
SHA-256 and may be seen by everybody. The key itself goes to standard error, on a
line of its own, and is written down nowhere: it cannot be shown again.`,
		Example: `  # apiKeys is the last field of the manifest
  khocr keys new --org moj --name ci-1 --expires 90d >>organizations/moj/organization.yaml

  # in a script, that wants the key too
  key=$(khocr keys new --org moj --name ci-1 2>&1 >>organization.yaml | grep '^` + apikey.Prefix + `')`,
		Args: cobra.NoArgs,
		RunE: work(func(command *cobra.Command) error {
			return newKey(command.OutOrStdout(), command.ErrOrStderr(), organization, entry, time.Now())
		}),
	}
	flags := command.Flags()
	flags.SortFlags = false
	flags.Func("org", "`name` of the organization that gets the key (required)", func(text string) error {
		organization = text
		return apikey.CheckOrganization(text)
	})
	flags.Func("name", "`name` of the key, for people and for usage statistics (required)", func(text string) error {
		entry.Name = text
		return apikey.CheckName(text)
	})
	flags.Func("scopes", "`what` it may be used for: convert, read, admin, several with commas between them (default convert,read)", func(text string) (err error) {
		entry.Scopes, err = apikey.ParseScopes(text)
		return err
	})
	flags.Func("expires", "`when` it ends: in a number of days, as 90d, or at the beginning of a day in UTC, as 2027-01-31 (default never)", func(text string) error {
		expiry, err := apikey.ParseExpiry(text, time.Now())
		entry.ExpiresAt = &expiry
		return err
	})
	for _, required := range []string{"org", "name"} {
		if err := command.MarkFlagRequired(required); err != nil {
			panic(err) // the flag is there
		}
	}
	return command
}

// newKey makes a key. It is shown before the entry, which then stands last where both go to the same terminal.
func newKey(entries, secrets io.Writer, organization string, entry v1alpha1.APIKey, now time.Time) error {
	key := apikey.Generate()
	entry.SHA256 = apikey.Hash(key)
	_, err := fmt.Fprintf(secrets, `Key %s of organization %s. It is shown this once; hand it over by a safe way:

%s

Its entry for spec.apiKeys, without the key, is on standard output.

`, entry.Name, organization, key)
	if err != nil {
		return fmt.Errorf("showing the key: %w", err)
	}
	remark := fmt.Sprintf("of %s, made on %s", organization, now.UTC().Format(time.DateOnly))
	if _, err := io.WriteString(entries, apikey.Manifest(entry, remark)); err != nil {
		return fmt.Errorf("writing the entry: %w", err)
	}
	return nil
}

func hashKeyCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "hash",
		Short: "Print the SHA-256 of the key on standard input, by which manifests name it",
		Example: `  # whose is the key that was found in a log?
  grep --recursive "$(khocr keys hash <found.txt)" organizations`,
		Args: cobra.NoArgs,
		RunE: work(func(command *cobra.Command) error {
			return hashKey(command.InOrStdin(), command.OutOrStdout())
		}),
	}
}

func hashKey(in io.Reader, out io.Writer) error {
	// More than any key has, lest a wrong file is read into memory.
	text, err := io.ReadAll(io.LimitReader(in, 4096))
	if err != nil {
		return fmt.Errorf("reading the key: %w", err)
	}
	key := strings.TrimSpace(string(text))
	if !strings.HasPrefix(key, apikey.Prefix) || len(strings.Fields(key)) != 1 {
		return fmt.Errorf("standard input is no key: give it one, which begins with %s, and nothing else", apikey.Prefix)
	}
	if _, err := fmt.Fprintln(out, apikey.Hash(key)); err != nil {
		return fmt.Errorf("writing the digest: %w", err)
	}
	return nil
}
