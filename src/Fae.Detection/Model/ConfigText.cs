using System.Globalization;
using Fae.Core;
using Microsoft.FSharp.Collections;
using Microsoft.FSharp.Core;
using Tomlyn;
using Tomlyn.Model;
using Tomlyn.Serialization;

namespace Fae.Detection;

/// <summary>
/// The one reader of settings: configuration files, <c>--set key=value</c>, and the configuration inside a model file are all TOML.
/// </summary>
public static class ConfigText
{
    /// <summary>Changes a configuration by the keys of a TOML text; all errors are returned at once, a line each.</summary>
    public static FSharpResult<Config, FSharpList<string>> Parse(string toml, Config config)
    {
        try
        {
            var settings = Flatten("", TomlSerializer.Deserialize(toml, ConfigToml.Default.TomlTable) ?? new TomlTable()).ToList();
            return Apply(settings, config);
        }
        catch (TomlException e)
        {
            return Failed(e.Message.Split('\n')[0]);
        }
        catch (FormatException e)
        {
            return Failed(e.Message);
        }
    }

    /// <summary>The pair of <c>--set key=value</c>. A value that is no TOML is a word: <c>score.measure=mse</c> needs no quotes.</summary>
    public static FSharpResult<Tuple<string, Setting>, string> ParsePair(string text)
    {
        ArgumentNullException.ThrowIfNull(text);
        var at = text.IndexOf('=', StringComparison.Ordinal);
        if (at <= 0)
            return FSharpResult<Tuple<string, Setting>, string>.NewError($"--set {text}: write --set key=value");
        var (key, value) = (text[..at].Trim(), text[(at + 1)..].Trim());
        return FSharpResult<Tuple<string, Setting>, string>.NewOk(Tuple.Create(key, ReadValue(value)));
    }

    /// <summary>Applies settings and checks what concerns several keys.</summary>
    public static FSharpResult<Config, FSharpList<string>> Apply(IEnumerable<Tuple<string, Setting>> settings, Config config)
    {
        var applied = ConfigModule.apply(ListModule.OfSeq(settings), config);
        var result = applied.IsOk ? ConfigModule.check(applied.ResultValue) : applied;
        return result.IsOk
            ? FSharpResult<Config, FSharpList<string>>.NewOk(result.ResultValue)
            : FSharpResult<Config, FSharpList<string>>.NewError(ListModule.OfSeq(result.ErrorValue.Select(ConfigErrorModule.explain)));
    }

    private static FSharpResult<Config, FSharpList<string>> Failed(string line) =>
        FSharpResult<Config, FSharpList<string>>.NewError(ListModule.OfSeq([line]));

    private static Setting ReadValue(string value)
    {
        try
        {
            return
                TomlSerializer.Deserialize("value = " + value, ConfigToml.Default.TomlTable) is { } table
                && table.TryGetValue("value", out var read)
                && table.Count == 1
                ? ToSetting(read)
                : Setting.NewText(value);
        }
        catch (Exception e) when (e is TomlException or FormatException)
        {
            return Setting.NewText(value);
        }
    }

    private static IEnumerable<Tuple<string, Setting>> Flatten(string prefix, TomlTable table) =>
        table.SelectMany(pair =>
            pair.Value is TomlTable inner
                ? Flatten(prefix + pair.Key + ".", inner)
                : [Tuple.Create(prefix + pair.Key, ToSetting(pair.Value))]
        );

    private static Setting ToSetting(object value) =>
        value switch
        {
            long n => Setting.NewWhole(n),
            double r => Setting.NewReal(r),
            bool flag => Setting.NewFlag(flag),
            TomlArray array when array.All(item => item is long) => Setting.NewWholes(ListModule.OfSeq(array.Cast<long>())),
            TomlArray array when array.All(item => item is string) => Setting.NewTexts(ListModule.OfSeq(array.Cast<string>())),
            TomlArray array when array.All(item => item is long or double) => Setting.NewReals(
                ListModule.OfSeq(array.Select(item => Convert.ToDouble(item, CultureInfo.InvariantCulture)))
            ),
            TomlArray => throw new FormatException("a list holds something else than numbers or texts"),
            _ => Setting.NewText(value.ToString() ?? ""),
        };
}

/// <summary>Reads tables without reflection, also in programs that are compiled ahead of time.</summary>
[TomlSerializable(typeof(TomlTable))]
internal sealed partial class ConfigToml : TomlSerializerContext;
