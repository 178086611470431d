"""Small glTF files, written field by field, also with faults that exporters do not make."""

import base64
import io
import json
import struct

import numpy as np
from PIL import Image

# A box from -1 to 1 with a corner of its own on each face.
_FACES = [(axis, side) for axis in range(3) for side in (-1, 1)]
_SQUARE = np.array([(-1, -1), (1, -1), (1, 1), (-1, 1)], dtype=np.float32)
POSITIONS = np.concatenate(
    [np.insert(_SQUARE[:: int(side)], axis, side, axis=1) for axis, side in _FACES]
).astype(np.float32)
INDICES = np.concatenate([np.array([0, 1, 2, 0, 2, 3]) + 4 * i for i in range(6)]).astype("<u2")
UVS = np.tile((_SQUARE + 1) / 2, (6, 1)).astype(np.float32)
RED = (200, 60, 60)
SPELLINGS = (
    *("factors", "map", "map and factors", "specular-glossiness", "specular-glossiness map"),
)
_COMPONENTS = {"i1": 5120, "u1": 5121, "i2": 5122, "u2": 5123, "u4": 5125, "f4": 5126}
_TYPES = {1: "SCALAR", 2: "VEC2", 3: "VEC3", 4: "VEC4"}


def png(colour, size=8):
    stream = io.BytesIO()
    mode = {1: "L", 3: "RGB", 4: "RGBA"}[len(colour)]
    Image.new(mode, (size, size), tuple(colour) if len(colour) > 1 else colour[0]).save(
        stream, "PNG"
    )
    return stream.getvalue()


class GltfFile:
    """A file under construction: ``tree`` may be changed freely before it is written."""

    def __init__(self):
        self.data = b""
        self.tree = {
            "asset": {"version": "2.0"},
            "scenes": [{"nodes": [0]}],
            "nodes": [{"mesh": 0}],
            "meshes": [],
            "accessors": [],
            "bufferViews": [],
        }

    def view(self, content):
        self.data += bytes(-len(self.data) % 4)
        self.tree["bufferViews"].append(
            {"buffer": 0, "byteOffset": len(self.data), "byteLength": len(content)}
        )
        self.data += content
        return len(self.tree["bufferViews"]) - 1

    def array(self, values, **fields):
        values = np.asarray(values)
        width = values.shape[1] if values.ndim > 1 else 1
        self.tree["accessors"].append(
            {
                "bufferView": self.view(values.tobytes()),
                "componentType": _COMPONENTS[values.dtype.str[1:]],
                "count": len(values),
                "type": _TYPES[width],
                **fields,
            }
        )
        return len(self.tree["accessors"]) - 1

    def image(self, content=None, **fields):
        """An image with its texture; the number of the texture."""
        if content is not None:
            fields = {"bufferView": self.view(content), "mimeType": "image/png"}
        self.tree.setdefault("images", []).append(fields)
        self.tree.setdefault("textures", []).append({"source": len(self.tree["images"]) - 1})
        return len(self.tree["textures"]) - 1

    def mesh(self, *primitives):
        self.tree["meshes"].append({"primitives": list(primitives)})
        return self

    def primitive(self, positions=POSITIONS, indices=INDICES, uvs=None, **fields):
        attributes = {"POSITION": self.array(positions)}
        if uvs is not None:
            attributes["TEXCOORD_0"] = self.array(uvs)
        if indices is not None:
            fields = {"indices": self.array(indices), **fields}
        return {"attributes": attributes, **fields}

    def material(self, **fields):
        self.tree.setdefault("materials", []).append(fields)
        return len(self.tree["materials"]) - 1

    def glb(self, path):
        path.parent.mkdir(parents=True, exist_ok=True)
        self.tree["buffers"] = self.tree.get("buffers") or [{"byteLength": len(self.data)}]
        text = json.dumps(self.tree).encode()
        text += b" " * (-len(text) % 4)
        data = self.data + bytes(-len(self.data) % 4)
        chunks = struct.pack("<I4s", len(text), b"JSON") + text
        chunks += struct.pack("<I4s", len(data), b"BIN\0") + data
        path.write_bytes(struct.pack("<4sII", b"glTF", 2, 12 + len(chunks)) + chunks)
        return path

    def gltf(self, path, uri=None):
        """Write the text form; the buffer has the name ``uri`` or is in the text."""
        path.parent.mkdir(parents=True, exist_ok=True)
        address = uri or f"data:;base64,{base64.b64encode(self.data).decode()}"
        self.tree["buffers"] = [{"byteLength": len(self.data), "uri": address}]
        path.write_text(json.dumps(self.tree))
        return path


def box(**fields):
    """A file with one box."""
    file = GltfFile()
    return file.mesh(file.primitive(**fields))


def spelled(spelling):
    """One red, rough dielectric box."""
    file = GltfFile()
    base = {"baseColorTexture": {"index": file.image(png(RED))}}
    green_is_rough = (0, 230, 0)
    if spelling == "factors":
        fields = {"pbrMetallicRoughness": {**base, "metallicFactor": 0, "roughnessFactor": 0.9}}
    elif spelling == "specular-glossiness":
        gloss = {
            "diffuseTexture": base["baseColorTexture"],
            "specularFactor": [0.04, 0.04, 0.04],
            "glossinessFactor": 0.1,
        }
        fields = {"extensions": {"KHR_materials_pbrSpecularGlossiness": gloss}}
    elif spelling == "specular-glossiness map":
        gloss = {
            "diffuseTexture": base["baseColorTexture"],
            "specularGlossinessTexture": {"index": file.image(png((55, 55, 55, 25)))},
        }
        fields = {"extensions": {"KHR_materials_pbrSpecularGlossiness": gloss}}
    else:
        maps = {"metallicRoughnessTexture": {"index": file.image(png(green_is_rough))}}
        ones = {"metallicFactor": 1.0, "roughnessFactor": 1.0}
        ones = ones if spelling == "map and factors" else {}
        fields = {"pbrMetallicRoughness": {**base, **maps, **ones}}
    return file.mesh(file.primitive(uvs=UVS, material=file.material(**fields)))
