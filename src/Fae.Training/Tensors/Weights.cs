using Fae.Detection;
using static TorchSharp.torch;

namespace Fae.Training;

/// <summary>Converts the tensors of a module to named arrays and back.</summary>
internal static class Weights
{
    /// <summary>Copies of all parameters and buffers of 32-bit floats.</summary>
    public static List<NamedArray> Of(nn.Module module)
    {
        using var off = no_grad();
        using var scope = NewDisposeScope();
        return module
            .state_dict()
            .Where(entry => entry.Value.dtype == ScalarType.Float32)
            .Select(entry => Copy(entry.Key, entry.Value))
            .ToList();
    }

    public static NamedArray Copy(string name, Tensor tensor)
    {
        using var scope = NewDisposeScope();
        return new NamedArray(name, tensor.shape, tensor.detach().cpu().contiguous().data<float>().ToArray());
    }

    /// <summary>Loads arrays into a module. Every tensor of the module must be present with its shape.</summary>
    /// <exception cref="InvalidDataException">One is missing or of another shape.</exception>
    public static void Load(nn.Module module, IEnumerable<NamedArray> arrays)
    {
        var byName = arrays.ToDictionary(array => array.Name);
        using var off = no_grad();
        using var scope = NewDisposeScope();
        foreach (var (name, tensor) in module.state_dict().Where(entry => entry.Value.dtype == ScalarType.Float32))
            Load(tensor, name, byName);
    }

    public static void Load(Tensor target, string name, IReadOnlyDictionary<string, NamedArray> arrays)
    {
        var array = NamedArray.Find(arrays, name, target.shape);
        using var off = no_grad();
        using var scope = NewDisposeScope();
        target.copy_(tensor(array.Values).reshape(array.Shape));
    }
}
