"""A plain renderer of the same scenes with VTK: what a user would write without this simulator.

Physically based shading lit by the panorama, one directional light, the panorama as background,
2x2 supersampling, depth of field; one actor per object, everything set again for every scene.
"""

import math

import numpy as np
from vtkmodules.util import numpy_support
from vtkmodules.vtkCommonCore import vtkFloatArray, vtkPoints
from vtkmodules.vtkCommonDataModel import vtkCellArray, vtkImageData, vtkPolyData
from vtkmodules.vtkCommonMath import vtkMatrix4x4
from vtkmodules.vtkRenderingCore import (
    vtkActor,
    vtkLight,
    vtkPolyDataMapper,
    vtkRenderer,
    vtkSkybox,
    vtkTexture,
    vtkWindowToImageFilter,
)
from vtkmodules.vtkRenderingOpenGL2 import (
    vtkDepthOfFieldPass,
    vtkEGLRenderWindow,
    vtkRenderStepsPass,
    vtkSSAAPass,
)

from benchmark.simulators.gl.camera import FIELD_OF_VIEW, VIEW_ROTATION, Framing, rotation_matrix
from benchmark.simulators.meshes.framing import silhouettes


def texture_of(pixels):
    height, width, _ = pixels.shape
    image = vtkImageData()
    image.SetDimensions(width, height, 1)
    flipped = np.ascontiguousarray(pixels[::-1]).reshape(-1, 3)
    image.GetPointData().SetScalars(numpy_support.numpy_to_vtk(flipped, deep=True))
    texture = vtkTexture()
    texture.SetInputData(image)
    texture.InterpolateOn()
    texture.MipmapOn()
    return texture


def poly_data(mesh):
    data, points = vtkPolyData(), vtkPoints()
    points.SetData(numpy_support.numpy_to_vtk(mesh.positions, deep=True))
    data.SetPoints(points)
    cells = vtkCellArray()
    triangles = np.ascontiguousarray(mesh.triangles, dtype=np.int64).ravel()
    cells.SetData(3, numpy_support.numpy_to_vtkIdTypeArray(triangles, deep=True))
    data.SetPolys(cells)
    data.GetPointData().SetNormals(numpy_support.numpy_to_vtk(mesh.normals, deep=True))
    uvs: vtkFloatArray = numpy_support.numpy_to_vtk(mesh.uvs, deep=True)
    data.GetPointData().SetTCoords(uvs)
    return data


class VtkRenderer:
    """Renders scenes of one size."""

    def __init__(self, size, source, materials, panoramas, names):
        self.source, self.names = source, names
        self.table, self.materials = materials, [texture_of(one) for one in materials.pixels]
        self.panoramas = [texture_of(pixels) for pixels in panoramas]
        self.window, self.renderer = vtkEGLRenderWindow(), vtkRenderer()
        self.window.SetOffScreenRendering(1)
        self.window.SetMultiSamples(0)
        self.window.SetSize(size, size)
        self.window.AddRenderer(self.renderer)
        self.camera = self.renderer.GetActiveCamera()
        self.camera.SetViewAngle(math.degrees(FIELD_OF_VIEW))
        self.renderer.SetAutomaticLightCreation(0)
        self.light = vtkLight()
        self.light.SetLightTypeToSceneLight()
        self.light.SetPositional(0)
        self.renderer.AddLight(self.light)
        self.skybox = vtkSkybox()
        self.skybox.SetProjectionToSphere()
        self.renderer.AddActor(self.skybox)
        self.actor, self.actors = None, {}
        self.steps = vtkRenderStepsPass()
        self.plain, self.blurred = vtkSSAAPass(), vtkSSAAPass()
        self.plain.SetDelegatePass(self.steps)
        field = vtkDepthOfFieldPass()
        field.SetDelegatePass(self.steps)
        self.blurred.SetDelegatePass(field)

    def draw(self, scene):
        actor, framing = self._actor(scene.category, scene.object)
        rotation = rotation_matrix(scene.rotation)
        matrix = vtkMatrix4x4()
        for i in range(3):
            for j in range(3):
                matrix.SetElement(i, j, rotation[i, j])
        actor.SetUserMatrix(matrix)
        distance = framing.distance(scene.distance, rotation)
        self.camera.SetPosition(*(VIEW_ROTATION[2] * distance))
        self.camera.SetFocalPoint(0, 0, 0)
        self.camera.SetViewUp(0, 1, 0)
        self.camera.SetFocalDisk(0.0 if scene.focus is None else 0.3 / scene.focus.aperture)
        self.renderer.ResetCameraClippingRange()
        self.light.SetPosition(*scene.light.direction)
        self.light.SetColor(*scene.light.colour)
        self.light.SetIntensity(scene.light.intensity)
        panorama = self.panoramas[self.names["panoramas"][scene.background.panorama]]
        self.skybox.SetTexture(panorama)
        look = actor.GetProperty()
        look.SetInterpolationToPBR()
        if scene.materials:
            number = self.names["materials"][scene.materials[0]]
            actor.SetTexture(self.materials[number])
            look.SetRoughness(self.table.roughness[number])
            look.SetMetallic(self.table.metalness[number])
        self.renderer.SetPass(self.plain if scene.focus is None else self.blurred)
        self.window.Render()
        grab = vtkWindowToImageFilter()
        grab.SetInput(self.window)
        grab.ReadFrontBufferOff()
        grab.ShouldRerenderOff()
        grab.Update()
        image = grab.GetOutput()
        width, height, _ = image.GetDimensions()
        pixels = numpy_support.vtk_to_numpy(image.GetPointData().GetScalars())
        return pixels.reshape(height, width, 3)[::-1].copy()

    def _actor(self, category, name):
        key = (category, name)
        if key not in self.actors:
            mesh, _ = self.source(category, name)
            mapper, actor = vtkPolyDataMapper(), vtkActor()
            mapper.SetInputData(poly_data(mesh))
            actor.SetMapper(mapper)
            self.actors[key] = actor, Framing.of(mesh, silhouettes(mesh))
        actor, framing = self.actors[key]
        if actor is not self.actor:
            if self.actor is not None:
                self.renderer.RemoveActor(self.actor)
            self.renderer.AddActor(actor)
            self.actor = actor
        return actor, framing
