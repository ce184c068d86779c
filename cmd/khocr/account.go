package main

import (
	"context"
	"fmt"
	"math"
	"strings"

	"github.com/spf13/cobra"

	"github.com/openplp/khocr/client"
)

func (p *program) usageCommand() *cobra.Command {
	var (
		month string
		json  bool
	)
	command := &cobra.Command{
		Use: "usage", Short: "Show what your organization has used of the month, and its keys", Args: cobra.NoArgs,
		RunE: p.online(func(ctx context.Context, platform *client.Client, _ []string) error {
			usage, err := ask(ctx, p, func() (*client.Usage, error) { return platform.Usage(ctx, month) })
			if err != nil {
				return err
			}
			if json {
				return writeJSON(p.out, usage)
			}
			return p.showUsage(usage)
		}),
	}
	command.Flags().StringVar(&month, "month", "", "`month` to show, such as 2026-08 (default the current one)")
	command.Flags().BoolVar(&json, "json", false, "print it as a line of JSON")
	return command
}

func (p *program) name(of client.Named) said {
	if p.language == khmer && of.DisplayNameKm != "" {
		return cell(of.DisplayNameKm)
	}
	return cell(of.DisplayName)
}

// dayBar is how wide the day with the most pages is drawn.
const dayBar = 40

func (p *program) showUsage(usage *client.Usage) error {
	l := p.language
	facts := table{}
	facts.add(headOrg.in(l), p.name(usage.Organization))
	facts.add(headPlan.in(l), p.name(usage.Plan))
	facts.add(headMonth.in(l), cell(usage.Month))
	facts.add(headUsed.in(l), cell(usage.Pages.Used))
	facts.add(headReserved.in(l), cell(usage.Pages.Reserved))
	if usage.Pages.Left != nil && usage.Pages.Limit != nil {
		facts.add(headLeft.in(l), cell(*usage.Pages.Left))
		facts.add(headLimit.in(l), cell(*usage.Pages.Limit))
	}
	if usage.ResetsAt != nil {
		facts.add(headResets.in(l), cell(localTime(*usage.ResetsAt)))
	}
	facts.add(headFile.in(l), cell(bytesOf(usage.Limits.MaxFileBytes)))
	facts.add(headSlots.in(l), cell(usage.Limits.MaxConcurrentJobs))

	days := table{}
	days.add(headDay.in(l), headPages.in(l))
	most := int64(1)
	for _, day := range usage.ByDay {
		most = max(most, day.Pages)
	}
	for _, day := range usage.ByDay {
		days.add(cell(day.Date), cell(day.Pages), said(strings.Repeat("#", int(math.Ceil(dayBar*float64(max(0, day.Pages))/float64(most))))))
	}
	keys := table{}
	keys.add(headKey.in(l), headPages.in(l), headScopes.in(l), headExpires.in(l))
	for _, key := range usage.ByKey {
		keys.add(p.keyRow(key)...)
	}
	for i, part := range []table{facts, days, keys} {
		if i > 0 {
			if len(part.rows) < 2 {
				continue
			}
			if _, err := fmt.Fprintln(p.out); err != nil {
				return err
			}
		}
		if err := part.write(p.out); err != nil {
			return err
		}
	}
	return nil
}

func (p *program) keyRow(key client.KeyUsage) []said {
	name, scopes, expires := said("-"), said("-"), sayNever.in(p.language)
	if key.Key != nil {
		name = cell(*key.Key)
	}
	if key.Scopes != nil {
		var words []string
		for _, scope := range *key.Scopes {
			words = append(words, string(scope))
		}
		scopes = cell(strings.Join(words, ","))
	}
	if key.ExpiresAt != nil {
		expires = cell(localTime(*key.ExpiresAt))
	}
	return []said{name, cell(key.Pages), scopes, expires}
}

func (p *program) modelsCommand() *cobra.Command {
	var json bool
	command := &cobra.Command{
		Use: "models", Short: "List the models that read documents, the default one first", Args: cobra.NoArgs,
		RunE: p.online(func(ctx context.Context, platform *client.Client, _ []string) error {
			models, err := ask(ctx, p, func() (*client.ModelList, error) { return platform.Models(ctx) })
			if err != nil {
				return err
			}
			if json {
				for _, model := range models.Models {
					if err := writeJSON(p.out, model); err != nil {
						return err
					}
				}
				return nil
			}
			return p.showModels(models)
		}),
	}
	command.Flags().BoolVar(&json, "json", false, "print each as a line of JSON")
	return command
}

func (p *program) showModels(models *client.ModelList) error {
	l := p.language
	shown := table{}
	shown.add(headModel.in(l), headReady.in(l), headLanguage.in(l), headName.in(l))
	for _, model := range models.Models {
		name, ready := model.Name, sayYes.in(l)
		if l == khmer && model.NameKm != "" {
			name = model.NameKm
		}
		if !model.Ready {
			ready = sayNo.in(l)
		}
		shown.add(cell(model.Id), ready, cell(strings.Join(model.Languages, ",")), cell(name))
	}
	return shown.write(p.out)
}
