package main

import (
	"context"
	"fmt"
	"math"
	"strconv"
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

	byModel := table{}
	if ai := usage.Ai; ai != nil {
		cost := cell(amount(ai.Cost) + " " + ai.Currency)
		if ai.Limit != nil {
			cost = sayMoneyOf.in(l, amount(ai.Cost), amount(*ai.Limit), ai.Currency)
		}
		facts.add(headAICost.in(l), cost)
		byModel.add(headModel.in(l), headPages.in(l), headFallbacks.in(l), headTokensIn.in(l), headTokensOut.in(l), headSeconds.in(l), headCost.in(l))
		for _, model := range ai.Models {
			byModel.add(cell(model.Model), cell(model.Pages), cell(model.Fallbacks), cell(model.InputTokens), cell(model.OutputTokens),
				cell(amount(model.Seconds)), cell(amount(model.Cost)+" "+ai.Currency))
		}
	}

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
	for i, part := range []table{facts, byModel, days, keys} {
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
	shown.add(headModel.in(l), headType.in(l), headReady.in(l), headAllowed.in(l), headGoes.in(l), headPrice.in(l), headLanguage.in(l), headName.in(l))
	for _, model := range models.Models {
		name, ready, allowed, goes := model.Name, sayYes.in(l), sayAllowed.in(l), sayStays.in(l)
		if l == khmer && model.NameKm != "" {
			name = model.NameKm
		}
		if !model.Ready {
			ready = sayNo.in(l)
			if model.Reason != nil {
				ready += cell(" (" + *model.Reason + ")")
			}
		}
		if !model.Allowed {
			allowed = sayRefused.in(l)
			if model.Refusal != nil {
				allowed += cell(" (" + string(model.Refusal.Code) + ")")
			}
		}
		if model.LeavesCluster {
			goes = sayLeaves.in(l)
		}
		shown.add(cell(model.Id), cell(model.Type), ready, allowed, goes, p.price(model), cell(strings.Join(model.Languages, ",")), cell(name))
	}
	return shown.write(p.out)
}

// price says what a model costs, in money and in pages of the month.
func (p *program) price(model client.Model) said {
	l := p.language
	var parts []string
	if price := model.Price; price != nil {
		if price.PerPage > 0 {
			parts = append(parts, string(sayPerPage.in(l, amount(price.PerPage), price.Currency)))
		}
		if price.PerMillionInputTokens > 0 || price.PerMillionOutputTokens > 0 {
			parts = append(parts, string(sayPerTokens.in(l, amount(price.PerMillionInputTokens), amount(price.PerMillionOutputTokens), price.Currency)))
		}
	}
	if model.PagesPerPage > 1 {
		parts = append(parts, string(sayPagesEach.in(l, model.PagesPerPage)))
	}
	if len(parts) == 0 {
		return "-"
	}
	return said(strings.Join(parts, "; "))
}

// amount is a number as people write it.
func amount(value float64) string { return strconv.FormatFloat(value, 'f', -1, 64) }

// completeModels has a shell offer the models that the organization may use, if the platform can be asked.
func (p *program) completeModels(command *cobra.Command) {
	err := command.RegisterFlagCompletionFunc("model", func(c *cobra.Command, _ []string, _ string) ([]cobra.Completion, cobra.ShellCompDirective) {
		var names []cobra.Completion
		platform, err := p.connect(c.Context())
		if err != nil {
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
		models, err := platform.Models(c.Context())
		if err != nil {
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
		for _, model := range models.Models {
			if model.Allowed {
				names = append(names, cobra.CompletionWithDesc(printable(model.Id), printable(model.Name)))
			}
		}
		return names, cobra.ShellCompDirectiveNoFileComp
	})
	if err != nil {
		panic(err) // there is no such flag
	}
}
